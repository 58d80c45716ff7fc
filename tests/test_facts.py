"""Facts of a photo: EXIF, IPTC and XMP of several formats, and that broken metadata never fails a photo."""

from __future__ import annotations

import random
import struct
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from make_photos import (
    exif_block,
    make_dng,
    make_heic,
    make_jpeg,
    make_picture,
    quadrants,
    raw_header,
    write,
    xmp_packet,
)
from urbextag.errors import PhotoError
from urbextag.images import open_photo, read_facts
from urbextag.images.facts import MAX_KEYWORDS, Embedded, drone_maker, facts_of, read_xmp
from urbextag.images.raw import raw_embedded
from urbextag.records import PhotoFacts

BLOCK = exif_block(
    orientation=1, make="Canon", model="Canon EOS R5", taken="2021:05:06 07:08:09", gps=(-40.5, 79.25, 12.5)
)
DJI_XMP = 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:RelativeAltitude="+50.10"'


def facts_from(embedded: Embedded) -> PhotoFacts:
    return facts_of("jpeg", 4, 3, embedded)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "avif", "heic"])
def test_exif_of_every_format_that_carries_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "heic":
        make_heic(path, exif=BLOCK)
    else:
        make_picture(path, kind, quadrants((64, 64)), BLOCK)
    expected = PhotoFacts(kind, 64, 64, "2021-05-06T07:08:09", "Canon", "Canon EOS R5", -40.5, 79.25, 12.5)
    assert read_facts(path) == open_photo(path, 32)[0] == expected


@pytest.mark.parametrize("kind", ["jpeg2000", "gif"])
def test_formats_without_exif_say_their_size(tmp_path: Path, kind: str) -> None:
    assert read_facts(make_picture(tmp_path / "a", kind, quadrants((60, 40)))) == PhotoFacts(kind, 60, 40)


def test_exif_of_a_dng(tmp_path: Path) -> None:
    path = make_dng(tmp_path / "a.dng", (96, 64), taken="2019:12:31 23:59:58", gps=(1.5, -2.25, -3))
    assert read_facts(path) == PhotoFacts("dng", 96, 64, "2019-12-31T23:59:58", "Ruins", "Ruins One", 1.5, -2.25, -3.0)


@pytest.mark.parametrize("kind", ["nef", "cr2", "cr3", "arw", "orf", "rw2", "raf", "pef"])
def test_exif_of_raw_containers(tmp_path: Path, kind: str) -> None:
    """From built headers: LibRaw wants whole files, the metadata does not."""
    path = write(tmp_path / "a", raw_header(kind, "Maker", "Model 7", "2020:01:02 03:04:05"))
    facts = facts_from(raw_embedded(path, kind))
    assert (facts.camera_make, facts.camera_model, facts.taken) == ("Maker", "Model 7", "2020-01-02T03:04:05")


def test_exif_and_xmp_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    path = make_picture(tmp_path / "a.png", "png", quadrants((96, 64)))
    data = path.read_bytes()
    xmp = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + xmp_packet(["late"])
    late = chunk(b"eXIf", exif_block(orientation=6, make="Late")) + chunk(b"iTXt", xmp)
    path.write_bytes(data[:-12] + late + data[-12:])
    facts = read_facts(path)
    assert (facts.camera_make, facts.keywords, facts.width, facts.height) == ("Late", ("late",), 64, 96)
    assert open_photo(path, 96)[1].shape == (96, 64, 3)


def test_keywords_of_iptc_and_xmp_are_joined_in_order_without_repeats(tmp_path: Path) -> None:
    path = make_jpeg(
        tmp_path / "a.jpg", iptc=[b"asylum", "Türe".encode("latin-1"), b""], subjects=["Asylum", "morgue", "Türe"]
    )
    assert read_facts(path).keywords == ("asylum", "Türe", "morgue")


@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "avif", "heic"])
def test_xmp_subjects_of_other_formats(tmp_path: Path, kind: str) -> None:
    packet = xmp_packet(["church", "organ pipes"])
    path = tmp_path / "a"
    if kind == "heic":
        make_heic(path, xmp=packet)
    elif kind == "tiff":
        make_picture(path, kind, quadrants(), tiffinfo={700: packet})
    elif kind == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        make_picture(path, kind, quadrants(), pnginfo=info)
    else:
        make_picture(path, kind, quadrants(), xmp=packet)
    assert read_facts(path).keywords == ("church", "organ pipes")


def test_keywords_are_bounded() -> None:
    many = [f"word {n}" for n in range(MAX_KEYWORDS + 50)]
    keywords = facts_from(Embedded(xmp=xmp_packet(["x" * 300, *many]))).keywords
    assert keywords == tuple(many[:MAX_KEYWORDS])


def test_an_xmp_entity_bomb_says_nothing() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + xmp_packet(["&b;"])[50:]
    assert read_xmp(bomb) == ([], None)
    assert read_xmp(b"<not closed") == ([], None)
    assert read_xmp(None) == ([], None)


@pytest.mark.parametrize(
    ("make", "model", "xmp", "maker"),
    [
        ("DJI", "FC6310", None, "DJI"),
        ("Hasselblad", "L1D-20c", None, "DJI"),
        ("Hasselblad", "X2D 100C", None, None),
        ("Autel Robotics", "XT701", None, "Autel"),
        ("Parrot", "Anafi", None, "Parrot"),
        ("Skydio", "2", None, "Skydio"),
        ("YUNEEC", "CGO3+", None, "Yuneec"),
        (None, None, "DJI", "DJI"),
        ("DJI", "OsmoAction", None, None),
        ("DJI", "HG310", "DJI", None),
        ("Canon", "Canon EOS R5", None, None),
        (None, None, None, None),
    ],
)
def test_drones_are_told_from_cameras_for_the_hand(
    make: str | None, model: str | None, xmp: str | None, maker: str | None
) -> None:
    assert drone_maker(make, model, xmp) == maker


def test_a_drone_is_told_by_its_xmp_namespace(tmp_path: Path) -> None:
    assert read_facts(make_jpeg(tmp_path / "a.jpg", xmp_attributes=DJI_XMP)).drone_make == "DJI"


@given(
    st.floats(-90, 90).filter(lambda v: abs(v) > 1e-3),
    st.floats(-180, 180),
    st.floats(-400, 8000),
)
def test_coordinates_come_back_with_their_sign(latitude: float, longitude: float, altitude: float) -> None:
    gps = {
        1: "S" if latitude < 0 else "N",
        2: _dms(latitude),
        3: "W" if longitude < 0 else "E",
        4: _dms(longitude),
        5: b"\x01" if altitude < 0 else b"\x00",
        6: abs(altitude),
    }
    facts = facts_from(Embedded(gps=gps))
    assert facts.latitude == pytest.approx(latitude, abs=1e-5)
    assert facts.longitude == pytest.approx(longitude, abs=1e-5)
    assert facts.altitude == pytest.approx(altitude, abs=0.01)


def _dms(value: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(abs(value) * 3600, 60)
    return (*divmod(minutes, 60), seconds)


@pytest.mark.parametrize(
    "gps",
    [
        {2: (10.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)},  # no side
        {1: "N", 2: (100.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (float("nan"), 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},  # written without a fix
        {1: "N", 2: (10.0, 0.0, 0.0)},  # half a place
        {1: "N", 2: "10", 3: "E", 4: b"10"},
    ],
)
def test_impossible_coordinates_are_none(gps: dict[int, object]) -> None:
    facts = facts_from(Embedded(gps=gps))
    assert (facts.latitude, facts.longitude) == (None, None)


@pytest.mark.parametrize(
    ("exif", "taken"),
    [
        ({0x9003: "2020:02:29 12:00:00"}, "2020-02-29T12:00:00"),
        ({0x9003: "2021:02:29 12:00:00", 0x9004: "2021:03:01 00:00:00"}, "2021-03-01T00:00:00"),
        ({0x9003: "0000:00:00 00:00:00"}, None),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: b"2020:01:02 03:04:05\x00"}, "2020-01-02T03:04:05"),
        ({0x9003: 5}, None),
        ({306: "2020:02:29 12:00:00"}, None),
    ],
)
def test_dates_that_cannot_be_are_none(exif: dict[int, object], taken: str | None) -> None:
    assert facts_from(Embedded(exif=exif)).taken == taken


def test_a_file_s_change_date_is_not_when_it_was_taken() -> None:
    assert facts_from(Embedded(base={306: "2020:02:29 12:00:00"})).taken is None


def test_text_fields_lose_padding_and_control_characters() -> None:
    facts = facts_from(Embedded(base={0x010F: "NIKON\x00junk", 0x0110: b" D70\x07 \x00"}))
    assert (facts.camera_make, facts.camera_model) == ("NIKON", "D70")


def test_broken_exif_never_fails_a_photo(tmp_path: Path) -> None:
    rng = random.Random(5)
    clean = make_jpeg(tmp_path / "clean.jpg", (16, 16)).read_bytes()
    for _ in range(300):
        block = bytearray(BLOCK)
        for _ in range(rng.randint(1, 12)):
            block[rng.randrange(len(block))] = rng.randrange(256)
        segment = b"Exif\x00\x00" + bytes(block[: rng.choice([len(block), rng.randrange(len(block))])])
        path = write(
            tmp_path / "a.jpg", clean[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + clean[2:]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            facts, pixels = open_photo(path, 16)
        assert {facts.width, facts.height} == {16}
        assert pixels.shape == (16, 16, 3)


@given(st.binary(max_size=400))
def test_any_xmp_packet_is_read_or_left_out(packet: bytes) -> None:
    words, maker = read_xmp(packet)
    assert isinstance(words, list)
    assert maker in {None, "DJI", "Parrot", "Skydio"}


def test_facts_of_a_file_cut_in_its_header_are_refused(tmp_path: Path) -> None:
    data = make_jpeg(tmp_path / "a.jpg", make="X").read_bytes()
    with pytest.raises(PhotoError, match="truncated"):
        read_facts(write(tmp_path / "b.jpg", data[:60]))
