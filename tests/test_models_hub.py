"""Pulling models: the real hub library against a hub on the loopback that misbehaves on demand."""

import hashlib
import os
import shutil
import subprocess
import threading

import pytest

from hub_server import COMMIT, Fault, Hub, serving
from tiny_onnx import text_model, tokenizer, vision_model
from urbextag.errors import ModelError
from urbextag.models.catalogue import FileSpec, ModelSpec, read_manifest
from urbextag.models.hub import PARTIAL, pull
from urbextag.models.installed import installed, write_manifest
from urbextag.models.upkeep import names_here, remove, size_noted, verify

MIB = 1 << 20
BLOCK = 10 * MIB
"""What the hub library writes at a time: of a cut download whole blocks are kept."""
VISION, TEXT, TOKENIZER = "onnx/vision_model.onnx", "onnx/text_model.onnx", "tokenizer.json"
FP32 = {"vision_model": VISION, "text_model": TEXT}
INT8 = {"vision_model": "onnx/vision_model_int8.onnx", "text_model": "onnx/text_model_int8.onnx"}


def spec(**more):
    about = {
        "name": "tiny",
        "title": "tiny",
        "family": "siglip",
        "repository": "someone/tiny",
        "licence": "MIT",
        "image": {"size": 8, "resize": "squash", "mean": [0.5] * 3, "std": [0.5] * 3},
        "text": {"length": 8, "pad_to_length": True, "pad_id": 1, "lower": True},
        "logit_scale": 100.0,
        "files": {name: {part: {"path": path} for part, path in files.items()} for name, files in PRECISIONS.items()},
        "common": {"tokenizer": {"path": TOKENIZER}},
    }
    return ModelSpec.model_validate({**about, **more})


PRECISIONS = {"fp32": FP32, "int8": INT8}


def contents(padding=0):
    files = {VISION: vision_model(8, padding), TEXT: text_model(), TOKENIZER: tokenizer()}
    return {**files, INT8["vision_model"]: vision_model(8, 7), INT8["text_model"]: text_model(9)}


@pytest.fixture
def hub():
    with serving(Hub("someone/tiny", contents())) as made:
        yield made


@pytest.fixture
def large():
    """Its vision model takes three blocks."""
    with serving(Hub("someone/tiny", contents(24 * MIB))) as made:
        yield made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


class Heard(list):
    """The sentences that a pull tells."""

    def pull(self, hub, folder, precision="fp32", of=None, **more):
        return pull(of or spec(), precision, folder, told=self.append, endpoint=hub.url, **more)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_pull_brings_proves_and_notes_every_file(hub, folder):
    heard, seen = Heard(), []

    class Bar:
        def __init__(self, label, total):
            seen.append((label, total))

        def __enter__(self):
            return lambda done, note: seen.append((done, note))

        def __exit__(self, *error):
            pass

    found = heard.pull(hub, folder, bar=Bar)
    for part, path in {**FP32, "tokenizer": TOKENIZER}.items():
        assert found.parts[part].read_bytes() == hub.files[path]
        assert found.parts[part] == folder / "tiny" / path
    assert found.identity == f"{COMMIT}/fp32"
    manifest = read_manifest(folder / "tiny")
    assert manifest.precisions["fp32"]["text_model"].sha256 == sha256(hub.files[TEXT])
    assert manifest.common["tokenizer"].sha256 == sha256(hub.files[TOKENIZER])
    assert {path.name for path in (folder / "tiny").iterdir()} == {"onnx", TOKENIZER, "urbextag-model.json"}
    total = sum(len(hub.files[path]) for path in (*FP32.values(), TOKENIZER))
    assert seen[0] == ("Pulling tiny fp32", total) and seen[-1][0] == total
    assert [done for done, _ in seen[1:]] == sorted(done for done, _ in seen[1:])


def test_nothing_is_asked_but_the_files_and_nothing_is_told_of_the_user(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    Heard().pull(hub, folder)
    assert {path for _, path, _ in hub.requests} == {VISION, TEXT, TOKENIZER}
    for headers in hub.headers:
        assert "authorization" not in headers
        assert headers["user-agent"].startswith("urbextag/")
        assert "torch" not in headers["user-agent"] and "agent/" not in headers["user-agent"]


def test_a_token_that_the_user_set_goes_to_the_hub_alone(hub, folder, monkeypatch):
    """Large files lie behind a redirect to another host."""
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    Heard().pull(hub, folder)
    told = {headers["host"].split(":")[0]: headers.get("authorization") for headers in hub.headers}
    assert told == {"127.0.0.1": "Bearer hf_mine", "localhost": None}


def test_what_is_whole_needs_no_network(hub, folder):
    first = Heard().pull(hub, folder)
    hub.requests.clear()
    assert Heard().pull(hub, folder) == first
    assert hub.requests == []


def test_an_unpinned_revision_is_pinned_by_the_first_pull(hub, folder):
    heard = Heard()
    heard.pull(hub, folder)
    assert any(f"pinned to commit {COMMIT}" in sentence for sentence in heard)
    hub.commit = "f" * 40
    with pytest.raises(ModelError, match=f"has no revision {COMMIT}"):
        heard.pull(hub, folder, "int8")
    hub.commit = COMMIT
    assert heard.pull(hub, folder, "int8").revision == COMMIT


def test_precisions_lie_beside_each_other_and_share_what_is_common(hub, folder):
    heard = Heard()
    heard.pull(hub, folder)
    hub.requests.clear()
    heard.pull(hub, folder, "int8")
    assert [path for path, _ in hub.contents()] == list(INT8.values())
    assert set(read_manifest(folder / "tiny").precisions) == {"fp32", "int8"}
    assert heard.pull(hub, folder).precision == "fp32"


def test_a_moved_catalogue_replaces_what_was_pulled_before(hub, folder):
    heard = Heard()
    heard.pull(hub, folder)
    heard.pull(hub, folder, "int8")
    hub.commit = "f" * 40
    heard.pull(hub, folder, "int8", of=spec(revision="f" * 40))
    assert any("moved on" in sentence for sentence in heard)
    manifest = read_manifest(folder / "tiny")
    assert manifest.revision == "f" * 40 and set(manifest.precisions) == {"int8"}
    assert not (folder / "tiny" / VISION).exists()


@pytest.mark.parametrize("cuts", [1, 2])
def test_a_cut_download_goes_on_and_asks_for_the_rest_alone(large, folder, cuts):
    large.faults[VISION] = [Fault(after=15 * MIB), Fault(after=11 * MIB)][:cuts]
    found = Heard().pull(large, folder)
    assert found.parts["vision_model"].read_bytes() == large.files[VISION]
    assert [start for path, start in large.contents() if path == VISION] == [0, BLOCK, 2 * BLOCK][: cuts + 1]


def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(large, folder):
    large.faults[VISION] = [Fault(after=15 * MIB, then="short"), *[Fault(after=0, then="short")] * 3]
    with pytest.raises(ModelError, match=r"stops at byte 15,728,640 .*goes on where it stopped"):
        Heard().pull(large, folder)
    assert read_manifest(folder / "tiny") is None
    large.requests.clear()
    heard = Heard()
    heard.pull(large, folder)
    assert [start for path, start in large.contents() if path == VISION] == [15 * MIB]
    assert any("going on after 15,728,640" in sentence for sentence in heard)
    assert not (folder / "tiny" / PARTIAL).exists()


def test_a_damaged_file_is_fetched_once_more(hub, folder):
    hub.faults[TEXT] = [Fault(change=True)]
    heard = Heard()
    assert heard.pull(hub, folder).parts["text_model"].read_bytes() == hub.files[TEXT]
    assert any(f"{sha256(hub.files[TEXT])} expected" in sentence for sentence in heard)


@pytest.mark.parametrize("path", [TEXT, TOKENIZER])
def test_a_file_that_comes_damaged_twice_is_refused(hub, folder, path):
    hub.faults[path] = [Fault(change=True), Fault(change=True)]
    with pytest.raises(ModelError, match=r"checksum [0-9a-f]+ expected, [0-9a-f]+ found"):
        Heard().pull(hub, folder)
    assert not (folder / "tiny" / path).exists() and not list((folder / "tiny" / PARTIAL).iterdir())
    assert read_manifest(folder / "tiny") is None
    Heard().pull(hub, folder)


def test_a_file_that_spoils_on_the_disk_is_healed(hub, folder):
    found = Heard().pull(hub, folder)
    path = found.parts["text_model"]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    hub.requests.clear()
    Heard().pull(hub, folder)
    assert [name for name, _ in hub.contents()] == [TEXT] and path.read_bytes() == hub.files[TEXT]
    (folder / "tiny" / "urbextag-model.json").write_text("{}")
    heard = Heard()
    heard.pull(hub, folder)
    assert "is damaged" in heard[0] and read_manifest(folder / "tiny") is not None


def known(hub, part, **more):
    files = {name: {p: {"path": path} for p, path in parts.items()} for name, parts in PRECISIONS.items()}
    path = FP32[part]
    files["fp32"][part] = {"path": path, "sha256": sha256(hub.files[path]), "size": len(hub.files[path])} | more
    return spec(revision=COMMIT, files=files)


def test_the_catalogue_s_word_stands_above_the_hub_s(hub, folder):
    Heard().pull(hub, folder, of=known(hub, "text_model"))
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match="another file than the catalogue knows: SHA-256 0000"):
        Heard().pull(hub, folder, of=known(hub, "text_model", sha256="0" * 64))
    with pytest.raises(ModelError, match="size 5 expected"):
        Heard().pull(hub, folder, of=known(hub, "text_model", size=5))
    assert hub.contents()[len(FP32) + 1 :] == []


def test_a_file_that_the_repository_lacks_is_named_before_anything_is_fetched(hub, folder):
    del hub.files[TEXT]
    with pytest.raises(ModelError, match=f"has no file {TEXT} at revision .*layout does not fit"):
        Heard().pull(hub, folder)
    assert hub.contents() == []


def test_what_is_not_there_is_said(hub, folder):
    with pytest.raises(ModelError, match="has no revision aaaa"):
        Heard().pull(hub, folder, of=spec(revision="a" * 40))
    with pytest.raises(ModelError, match="someone/else is not handed out"):
        Heard().pull(hub, folder, of=spec(repository="someone/else"))
    with pytest.raises(ModelError, match="not published in fp16 .*fp32, int8"):
        Heard().pull(hub, folder, "fp16")
    with pytest.raises(ModelError, match="hf download a/weights .*models export weights --name tiny-own .*fp16"):
        Heard().pull(hub, folder, "fp16", of=spec(checkpoint="a/weights"))


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "not handed out to you .HTTP 401.*HF_TOKEN"),
        (403, {"X-Error-Code": "GatedRepo"}, "asks for agreement to its terms .*HF_TOKEN"),
        (403, {}, "HTTP 403"),
        (404, {}, "does not exist"),
        (429, {}, "slow down"),
        (500, {}, "HTTP 500"),
    ],
)
def test_a_refusal_of_the_hub_comes_with_its_remedy(hub, folder, status, headers, said):
    hub.refusal = (status, headers)
    with pytest.raises(ModelError, match=said):
        Heard().pull(hub, folder)


def test_what_is_no_hub_is_not_believed(hub, folder):
    hub.page = True
    with pytest.raises(ModelError, match="not as a model hub answers .*HF_ENDPOINT"):
        Heard().pull(hub, folder)
    hub.page = False
    hub.claimed[VISION] = {"X-Repo-Commit": "e" * 40}
    with pytest.raises(ModelError, match=f"asked for revision {COMMIT}, answered with e"):
        Heard().pull(hub, folder, of=spec(revision=COMMIT))
    hub.claimed[VISION] = {"X-Linked-Etag": '"weak"'}
    with pytest.raises(ModelError, match="without a size or a checksum"):
        Heard().pull(hub, folder)


def test_a_page_in_place_of_a_file_does_not_stay(hub, folder):
    hub.faults[TOKENIZER] = [Fault(page=True)] * 4
    with pytest.raises(ModelError, match=f"{TOKENIZER} stops at byte"):
        Heard().pull(hub, folder)
    assert Heard().pull(hub, folder).parts["tokenizer"].read_bytes() == hub.files[TOKENIZER]


def test_no_network_is_said_at_once(hub, folder):
    with serving(Hub("someone/tiny", {})) as gone:
        pass
    with pytest.raises(ModelError, match="cannot be reached: .*refused.*Look at the network"):
        Heard().pull(gone, folder)


def test_a_connection_that_stalls_is_given_up(hub, folder, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)  # a second before each try
    hub.faults[TEXT] = [Fault(after=3, then="stall")] * 12
    with pytest.raises(ModelError, match="gives no answer .timeout.*goes on where it stopped"):
        Heard().pull(hub, folder)


def test_a_model_larger_than_the_disk_is_refused_before_it_is_fetched(hub, folder):
    hub.claimed[VISION] = {"X-Linked-Size": str(10**17)}
    with pytest.raises(ModelError, match=r"needs 100,000,000,000 MB more; .* MB free.*Make room"):
        Heard().pull(hub, folder)
    assert hub.contents() == []


def test_a_disk_that_fills_up_is_said_and_nothing_is_lost(large, tmp_path, monkeypatch):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "x", folder]).returncode:
        pytest.skip("needs the right to mount")
    try:
        monkeypatch.setattr("urbextag.models.hub.SPARE_BYTES", -64 * MIB)  # as if another program took the room
        with pytest.raises(ModelError, match=r"The disk is full.*goes on where it stopped"):
            Heard().pull(large, folder)
        assert read_manifest(folder / "tiny") is None
        assert next((folder / "tiny" / PARTIAL).iterdir()).stat().st_size >= BLOCK
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(hub, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ModelError, match="cannot be written"):
        Heard().pull(hub, tmp_path / "models")


def test_a_file_in_the_folder_s_place_is_said(hub, tmp_path):
    (tmp_path / "models").write_text("")
    with pytest.raises(ModelError, match="models cannot be written: .*Set .models. folder"):
        Heard().pull(hub, tmp_path / "models")


def test_a_layout_that_does_not_fit_is_refused(hub, folder):
    hub.files[VISION] = vision_model(16)
    with pytest.raises(ModelError, match=r"expected one input of floats \(n, 3, 8, 8\), found pixel_values"):
        Heard().pull(hub, folder)
    assert read_manifest(folder / "tiny") is None
    hub.files[VISION] = b"\0" * 100
    with pytest.raises(ModelError, match="cannot be loaded"):
        Heard().pull(hub, folder)


def test_two_pulls_at_once_fetch_each_file_once(large, folder):
    found, heard = [], Heard()
    threads = [threading.Thread(target=lambda: found.append(heard.pull(large, folder))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0] == found[1]
    assert sorted(path for path, _ in large.contents()) == sorted([VISION, TEXT, TOKENIZER])
    assert "Another process is at tiny; waiting for it" in heard


def test_removing_takes_the_model_s_files_and_nothing_else(hub, folder):
    heard = Heard()
    heard.pull(hub, folder)
    heard.pull(hub, folder, "int8")
    mine = folder / "tiny" / "my-notes.txt"
    mine.write_text("keep")
    (folder / "photos").mkdir()
    (folder / "photos" / "a.jpg").write_bytes(b"keep")
    freed = remove(folder, "tiny", "int8", heard.append)
    assert freed == sum(len(hub.files[path]) for path in INT8.values())
    assert set(read_manifest(folder / "tiny").precisions) == {"fp32"} and verify(folder, "tiny")[0].state == "whole"
    with pytest.raises(ModelError, match="tiny is not here in int8"):
        remove(folder, "tiny", "int8", heard.append)
    for name in ("photos", ".locks", "..", ".", "../models", "nothing"):
        with pytest.raises(ModelError, match="Nothing of a model"):
            remove(folder, name, None, heard.append)
    remove(folder, "tiny", None, heard.append)
    assert list((folder / "tiny").rglob("*")) == [mine] and "there is more in it" in heard[-1]
    assert (folder / "photos" / "a.jpg").exists()


def test_removing_takes_half_done_and_damaged_models_too(hub, folder):
    hub.faults[TEXT] = [Fault(after=0, then="short")] * 3
    with pytest.raises(ModelError, match="stops at byte 0"):
        Heard().pull(hub, folder)
    (folder / "tiny" / PARTIAL / ("0" * 64)).write_bytes(b"half")
    assert remove(folder, "tiny", None, print) == 4  # what the catalogue does not know of stays
    Heard().pull(hub, folder)
    (folder / "tiny" / "urbextag-model.json").write_text("{")
    remove(folder, "tiny", None, print)
    assert not (folder / "tiny").exists()


def test_verifying_hashes_every_file(hub, folder):
    found = Heard().pull(hub, folder)
    path = found.parts["text_model"]
    path.write_bytes(path.read_bytes()[:-1] + b"!")  # the size stays
    heard = []
    states = {file.path: file for file in verify(folder, "tiny", lambda done, note: heard.append(done))}
    assert states[TEXT].state == "damaged" and states[TEXT].precisions == ("fp32",)
    assert sha256(hub.files[TEXT]) in states[TEXT].reason and states[VISION].state == "whole"
    assert heard[-1] == size_noted(folder, "tiny") and names_here(folder) == ["tiny"]


def test_installed_reads_sizes_and_hashes_nothing(hub, folder):
    Heard().pull(hub, folder)
    manifest = read_manifest(folder / "tiny")
    write_manifest(folder, manifest.model_copy(update={"spec": spec(repository=None, files={})}))  # so that it is known
    assert installed(folder, "tiny", "fp32").parts["tokenizer"] == folder / "tiny" / TOKENIZER
    with pytest.raises(ModelError, match=r"tiny in int8 is not on this machine .here: fp32"):
        installed(folder, "tiny", "int8")
    path = folder / "tiny" / TEXT
    path.write_bytes(b"short")
    with pytest.raises(ModelError, match="has 5 bytes instead of"):
        installed(folder, "tiny", "fp32")
    path.unlink()
    with pytest.raises(ModelError, match="text_model of model tiny .fp32. is missing"):
        installed(folder, "tiny", "fp32")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\\b", "C:/x", ""])
def test_a_path_that_leads_out_of_the_folder_is_no_path(path):
    with pytest.raises(ValueError, match="no path within a repository"):
        FileSpec(path=path)
