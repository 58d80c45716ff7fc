"""Thumbnails: what is in them, when they are made again, threads, processes that die, disks that are full, cleaning."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageCms

from conftest import draw
from make_photos import BLUE, RED, make_jpeg, make_picture, quadrants
from urbextag import picture_process, thumbnails
from urbextag.errors import ArchiveError, PhotoError, UsageError
from urbextag.images import Limits
from urbextag.importer import walk
from urbextag.picture_process import PictureProcess
from urbextag.thumbnails import Thumbnails

SHA = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive" / ".urbextag" / "thumbnails"


@pytest.fixture
def made(folder: Path) -> Iterator[Thumbnails]:
    folder.parent.parent.mkdir()
    made = Thumbnails(folder, Limits())
    yield made
    made.close()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is really opened, in order."""
    opened: list[Path] = []
    real = PictureProcess.jpeg

    def noted(self: PictureProcess, photo: Path, *arguments: object) -> object:
        opened.append(photo)
        return real(self, photo, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureProcess, "jpeg", noted)
    return opened


def segments(jpeg: bytes) -> set[int]:
    """The markers before the pixels (ITU T.81 B.1.1)."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def near(colour: object, other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(colour, other, strict=True))  # type: ignore[call-overload]


def openers() -> list[psutil.Process]:
    """The processes of this one that open photos."""
    return [child for child in psutil.Process().children() if "urbextag.picture_process" in " ".join(child.cmdline())]


def test_a_thumbnail_is_upright_of_its_size_and_has_no_metadata(made: Thumbnails, folder: Path, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = make_jpeg(
        tmp_path / "p.jpg", picture=quadrants((2400, 1600)), orientation=6, gps=(42.65, -73.75, 12.0), make="Ruins",
        iptc=[b"secret"], subjects=["secret"], icc_profile=profile,
    )  # fmt: skip
    assert {0xE1, 0xE2, 0xED} <= segments(photo.read_bytes())
    before = photo.read_bytes()
    for size, shape in (("small", (240, 360)), ("large", (1000, 1500))):
        file = made.file(SHA, size, photo)  # type: ignore[arg-type]
        assert file == folder / "ab" / f"{SHA}.{size}.jpg"
        assert segments(file.read_bytes()) <= {0xE0, 0xDB, 0xC0, 0xC4}  # JFIF, tables, frame
        with Image.open(file) as picture:
            assert picture.size == shape
            assert not picture.getexif() and not {"exif", "xmp", "icc_profile", "photoshop", "comment"} & set(
                picture.info
            )
            assert near(picture.getpixel((10, 10)), BLUE) and near(picture.getpixel((shape[0] - 10, 10)), RED)
    assert photo.read_bytes() == before
    assert (folder / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert sorted(found.path for found in walk([folder.parent.parent])) == []


def test_a_small_photo_is_neither_enlarged_nor_handed_out_itself(made: Thumbnails, tmp_path: Path) -> None:
    photo = make_jpeg(tmp_path / "p.jpg", (90, 60), gps=(42.65, -73.75, 12.0))
    for size in ("small", "large"):
        file = made.file(SHA, size, photo)  # type: ignore[arg-type]
        assert not file.is_symlink() and file.stat().st_ino != photo.stat().st_ino
        assert 0xE1 not in segments(file.read_bytes())
        with Image.open(file) as picture:
            assert picture.size == (90, 60)


def test_every_kind_of_photo_becomes_a_jpeg(made: Thumbnails, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    for number, kind in enumerate(("png", "webp", "gif")):
        photo = make_picture(tmp_path / f"p.{kind}", kind, clear)
        with Image.open(made.file(f"{number:064x}", "small", photo)) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
            assert near(picture.getpixel((5, 5)), (255, 255, 255))


def test_what_is_there_is_served_also_without_the_photo(made: Thumbnails, decoded: list[Path], tmp_path: Path) -> None:
    photo = draw(tmp_path / "p.jpg", size=(1000, 500))
    with pytest.raises(PhotoError, match="gone.jpg is no longer there"):
        made.file(SHA, "small", tmp_path / "gone.jpg")
    large = made.file(SHA, "large", photo)
    photo.unlink()
    assert made.file(SHA, "large", photo) == large
    with Image.open(made.file(SHA, "small", photo)) as picture:
        assert picture.size == (360, 180)
    assert decoded == [photo, large]
    assert made.file(SHA, "small", photo, content_addressed=False).is_file()


def test_a_damaged_large_one_is_made_again(made: Thumbnails, tmp_path: Path) -> None:
    photo = draw(tmp_path / "p.jpg", size=(1000, 500))
    large = made.file(SHA, "large", photo)
    large.write_bytes(large.read_bytes()[:3000])
    with Image.open(made.file(SHA, "small", photo)) as picture:
        assert picture.size == (360, 180)
    assert not large.exists()
    large.write_bytes(b"")  # as a power cut leaves it
    with Image.open(made.file(SHA, "large", photo)) as picture:
        assert picture.size == (1000, 500)


def test_a_changed_photo_matters_only_where_the_id_is_no_hash(made: Thumbnails, tmp_path: Path) -> None:
    photo = draw(tmp_path / "p.jpg", size=(400, 200))
    for key, by_content in ((SHA, True), ("key-1", False)):
        made.file(key, "large", photo, content_addressed=by_content)
    draw(photo, size=(200, 400))
    earlier = time.time() - 86_400  # put back from a backup, say
    os.utime(photo, (earlier, earlier))
    for key, by_content, shape in ((SHA, True, (360, 180)), ("key-1", False, (180, 360))):
        file = made.file(key, "small", photo, content_addressed=by_content)
        with Image.open(file) as picture:
            assert picture.size == shape
        written = file.stat().st_ino
        assert made.file(key, "small", photo, content_addressed=by_content).stat().st_ino == written


@pytest.mark.parametrize(
    "sha", ["", ".", "..", "../ab", "a/b", "a\\b", "a.b", "a\0b", "ab\n", "ä", "a b", "x" * 129, "/etc/passwd", "a%2e"]
)
def test_an_id_cannot_form_a_path(folder: Path, tmp_path: Path, sha: str) -> None:
    with pytest.raises(UsageError, match="is not the id of a photo"):
        Thumbnails(folder, Limits()).file(sha, "small", draw(tmp_path / "p.jpg"))
    assert not folder.exists()


def test_a_broken_photo_is_opened_once_until_its_file_changes(
    made: Thumbnails, folder: Path, decoded: list[Path], tmp_path: Path
) -> None:
    photo = draw(tmp_path / "p.jpg", "WARD")
    whole = photo.read_bytes()
    photo.write_bytes(whole[:2000])
    for _ in range(3):
        with pytest.raises(PhotoError, match=r"p\.jpg is truncated.*Copy it again"):
            made.file(SHA, "small", photo)
    assert decoded == [photo]
    assert not folder.exists()
    photo.write_bytes(whole)
    assert made.file(SHA, "small", photo).is_file()


def test_a_photo_that_may_not_be_read_is_tried_again(made: Thumbnails, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    photo = draw(tmp_path / "p.jpg")
    photo.chmod(0)
    with pytest.raises(PhotoError, match="may not be read"):
        made.file(SHA, "small", photo)
    photo.chmod(0o600)  # changes neither its size nor its time
    assert made.file(SHA, "small", photo).is_file()


def test_limits_hold(folder: Path, tmp_path: Path) -> None:
    strict = Thumbnails(folder, Limits(max_pixels=10_000))
    with pytest.raises(PhotoError, match="too large"):
        strict.file(SHA, "small", draw(tmp_path / "p.jpg"))
    strict.close()


def test_threads_that_ask_for_one_photo_open_it_once(made: Thumbnails, decoded: list[Path], tmp_path: Path) -> None:
    photo, broken = draw(tmp_path / "p.jpg", size=(1500, 1000)), tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:3000])
    together = threading.Barrier(8)

    def ask(source: Path) -> object:
        together.wait()
        try:
            return made.file(SHA if source == photo else OTHER, "small", source)
        except PhotoError as error:
            return error.message

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [photo, broken] * 4))
    assert len(set(answers)) == 2
    assert sorted(decoded) == [broken, photo]


def test_no_more_photos_are_opened_at_once_than_the_machine_is_to_bear(
    made: Thumbnails, folder: Path, tmp_path: Path
) -> None:
    photos = [draw(tmp_path / f"{number}.jpg", size=(1500, 1000), seed=number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        files = set(pool.map(lambda number: made.file(f"{number:064x}", "large", photos[number]), range(8)))
    assert len(files) == 8
    assert len(openers()) == thumbnails.DECODES
    made.close()
    assert openers() == []
    shutil.rmtree(folder)
    assert made.file(SHA, "small", photos[0]).is_file()


def test_two_servers_make_the_same_ones(folder: Path, tmp_path: Path) -> None:
    folder.parent.parent.mkdir()
    photo = draw(tmp_path / "p.jpg", size=(800, 600))
    servers = [Thumbnails(folder, Limits()) for _ in range(2)]
    together = threading.Barrier(2)

    def ask(server: Thumbnails) -> None:
        for number in range(5):
            together.wait()
            with Image.open(server.file(f"{number:064x}", "small", photo)) as picture:
                picture.load()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, servers))
    for server in servers:
        server.close()
    assert len(list(folder.glob("*/*"))) == 5


def stopped_opener(made: Thumbnails, tmp_path: Path) -> psutil.Process:
    """The process at work, halted, so that the next photo is still with it when something befalls it."""
    made.file(OTHER, "small", draw(tmp_path / "first.jpg"))
    (opener,) = openers()
    opener.suspend()
    return opener


@pytest.mark.parametrize(
    ("number", "said", "times"), [(signal.SIGKILL, "was stopped", 2), (signal.SIGSEGV, "crash", 1)]
)
def test_a_decoder_that_dies_is_survived(
    made: Thumbnails,
    decoded: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    said: str,
    times: int,
) -> None:
    photo = draw(tmp_path / "p.jpg")
    opener, real, hits = stopped_opener(made, tmp_path), picture_process.wait, [number]

    def struck(pipes: Any, seconds: float) -> object:
        """Between the question and its answer."""
        if hits:
            opener.send_signal(hits.pop())
            with suppress(psutil.NoSuchProcess):
                opener.resume()
        return real(pipes, seconds)

    monkeypatch.setattr(picture_process, "wait", struck)
    with pytest.raises(PhotoError, match=rf"{said}.*\({number.name}\)"):
        made.file(SHA, "small", photo)
    if times == 1:  # the photo's fault: not again
        with pytest.raises(PhotoError, match="crash"):
            made.file(SHA, "small", photo)
        photo = draw(tmp_path / "q.jpg")
    assert made.file(SHA, "small", photo).is_file()
    assert len(decoded) == 3


def wait_for_end(opener: psutil.Process) -> None:
    """Until its parent could take its exit code; a zombie whose threads are still going cannot be waited for."""
    while os.waitid(os.P_PID, opener.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.01)


def test_a_death_between_two_photos_is_the_fault_of_neither(made: Thumbnails, tmp_path: Path) -> None:
    opener = stopped_opener(made, tmp_path)
    opener.kill()
    wait_for_end(opener)
    assert made.file(SHA, "small", draw(tmp_path / "p.jpg")).is_file()


def test_a_decoder_that_hangs_is_ended(made: Thumbnails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = stopped_opener(made, tmp_path)
    monkeypatch.setattr(picture_process, "PHOTO_SECONDS", 0.1)
    with pytest.raises(PhotoError, match=r"p\.jpg takes more than"):
        made.file(SHA, "small", draw(tmp_path / "p.jpg"))
    assert not opener.is_running()


def test_an_idle_process_ends_and_another_follows(
    made: Thumbnails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = "import urbextag.picture_process as it; it.IDLE_SECONDS = 0.3; it.main()"
    monkeypatch.setattr(picture_process, "COMMAND", (sys.executable, "-c", short))
    photo = draw(tmp_path / "p.jpg")
    made.file(SHA, "small", photo)
    (first,) = openers()
    wait_for_end(first)
    assert made.file(OTHER, "small", photo).is_file()


def test_a_process_that_does_not_start_is_said(
    made: Thumbnails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_process, "COMMAND", (sys.executable, "-c", "raise SystemExit(7)"))
    with pytest.raises(Exception, match=r"did not start \(exit 7\)"):
        made.file(SHA, "small", draw(tmp_path / "p.jpg"))


SERVER = """
import os, resource, signal, sys, time
from pathlib import Path
from urbextag.errors import ArchiveError
from urbextag.images import Limits
from urbextag.thumbnails import Thumbnails
how, folder, photo = sys.argv[1:]
made = Thumbnails(Path(folder), Limits())
made.file("00", "small", Path(photo))
if how != "wait":  # the system breaks off what is written beyond so many bytes
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if how == "die" else signal.SIG_IGN)
    try:
        made.file("11", "large", Path(photo))
    except ArchiveError as error:
        print(error, flush=True)
        made.close()
        sys.exit(error.exit_code)
print("here", flush=True)
time.sleep(60)
"""


def server(how: str, folder: Path, photo: Path) -> subprocess.Popen[str]:
    folder.parent.parent.mkdir()
    return subprocess.Popen([sys.executable, "-c", SERVER, how, folder, photo], stdout=subprocess.PIPE, text=True)


def test_a_server_killed_in_the_middle_of_writing_leaves_no_broken_thumbnail(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = make_jpeg(tmp_path / "p.jpg", (1200, 900))
    with server("die", folder, photo) as process:
        process.wait(60)
    assert process.returncode == -signal.SIGXFSZ
    (part,) = (folder / "11").iterdir()
    assert part.name.endswith(".part") and part.stat().st_size == 4096
    made = Thumbnails(folder, Limits())
    with Image.open(made.file("11", "large", photo)) as picture:
        picture.load()
    made.close()
    assert made.clean({"11", "00"}.intersection) == 0
    assert part.exists()  # it may be another server's
    monkeypatch.setattr(thumbnails, "PART_SECONDS", -1.0)
    assert made.clean({"11", "00"}.intersection) == 0
    assert [file.name for file in (folder / "11").iterdir()] == ["11.large.jpg"]


def test_a_write_that_fails_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with server("fail", folder, make_jpeg(tmp_path / "p.jpg", (1200, 900))) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == ArchiveError.exit_code
    assert "thumbnails cannot be kept" in said and "File too large" in said
    assert list((folder / "11").iterdir()) == []


def test_the_decoder_ends_with_a_server_that_is_killed(folder: Path, tmp_path: Path) -> None:
    with server("wait", folder, draw(tmp_path / "p.jpg")) as process:
        assert process.stdout and process.stdout.readline() == "here\n"
        (opener,) = psutil.Process(process.pid).children()
        process.kill()
    assert psutil.wait_procs([opener], timeout=10)[1] == []


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    mount, disk = shutil.which("mount"), tmp_path / "disk"
    disk.mkdir()
    if not mount or os.geteuid() != 0:
        pytest.skip("only root may mount")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=128k", "small", disk], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        made = Thumbnails(disk / ".urbextag" / "thumbnails", Limits())
        photo = make_jpeg(tmp_path / "p.jpg", (1200, 900))
        small = made.file(SHA, "small", photo)
        with pytest.raises(ArchiveError, match=r"the disk is full\. Free some space"):
            for number in range(20):
                made.file(f"ab{number:062x}", "large", photo)
        made.close()
        for file in small.parent.iterdir():
            with Image.open(io.BytesIO(file.read_bytes())) as picture:
                picture.load()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_archive_whose_drive_is_gone_is_not_made_anew(folder: Path, tmp_path: Path) -> None:
    made = Thumbnails(folder, Limits())
    with pytest.raises(ArchiveError, match="thumbnails cannot be kept"):
        made.file(SHA, "small", draw(tmp_path / "p.jpg"))
    made.close()
    assert not folder.parent.parent.exists()


def test_clean_removes_what_is_gone_and_nothing_else(
    made: Thumbnails, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "IDS_AT_ONCE", 2)
    assert made.clean(set().intersection) == 0
    photo = draw(tmp_path / "p.jpg")
    ids = [SHA, OTHER, "a", *(f"ab{number:062x}" for number in range(5))]
    for sha in ids:
        made.file(sha, "small", photo)
    made.file(OTHER, "large", photo)
    foreign = folder / "ab" / "notes.txt"
    foreign.write_text("mine")
    asked: list[str] = []

    def standing(some: object) -> set[str]:
        assert len(some) <= 2  # type: ignore[arg-type]
        asked.extend(some)  # type: ignore[call-overload]
        return {SHA, "a", ids[4]}

    assert made.clean(standing) == 6
    assert sorted(asked) == sorted(ids)
    assert sorted(file.name for file in folder.glob("*/*")) == sorted(
        [f"{SHA}.small.jpg", "a.small.jpg", f"{ids[4]}.small.jpg", "notes.txt"]
    )
    assert photo.exists() and (folder / "CACHEDIR.TAG").exists()
    assert made.file(OTHER, "small", photo).is_file()
