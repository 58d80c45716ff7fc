"""Sniffing and decoding: every format, every orientation, every mode, and every way a file can be broken."""

from __future__ import annotations

import os
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import DecompressionBombWarning

from make_containers import Ifd, camera_tags, heic_bytes, tiff_bytes
from make_icc import PRO_PHOTO, icc_profile
from make_photos import (
    BLUE,
    GREEN,
    PILLOW_KINDS,
    RED,
    SUFFIX,
    WHITE,
    exif_block,
    make_dng,
    make_heic,
    make_jpeg,
    make_picture,
    mutate,
    quadrants,
    raw_header,
    scene,
    with_size,
    write,
    xmp_packet,
)
from urbextag.errors import PhotoError
from urbextag.images import FORMATS, PHOTO_SUFFIXES, Limits, decode, open_photo, read_facts, sniff

RAW_MAKERS = {
    "nef": "NIKON CORPORATION",
    "arw": "SONY",
    "pef": "PENTAX",
    "srw": "SAMSUNG",
    "cr2": "Canon",
    "cr3": "Canon",
    "orf": "OLYMPUS CORPORATION",
    "rw2": "Panasonic",
    "raf": "FUJIFILM",
    "raw": "Leaf",
}
# top left, top right, bottom left, bottom right of `quadrants` after each EXIF orientation has been undone
TURNED = {
    1: (RED, GREEN, BLUE, WHITE),
    2: (GREEN, RED, WHITE, BLUE),
    3: (WHITE, BLUE, GREEN, RED),
    4: (BLUE, WHITE, RED, GREEN),
    5: (RED, BLUE, GREEN, WHITE),
    6: (BLUE, RED, WHITE, GREEN),
    7: (WHITE, GREEN, BLUE, RED),
    8: (GREEN, WHITE, RED, BLUE),
}


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(c) for c in pixels[y, x]) for y, x in ((4, 4), (4, -5), (-5, 4), (-5, -5))]


def assert_corners(pixels: np.ndarray, expected: tuple[tuple[int, ...], ...], tolerance: int = 12) -> None:
    assert np.abs(np.array(corners(pixels)) - np.array(expected)).max() <= tolerance, corners(pixels)


def make(path: Path, kind: str, image: Image.Image | None = None) -> Path:
    if kind == "heic":
        return make_heic(path)
    if kind == "dng":
        return make_dng(path, (96, 64), preview=(48, 32))
    return make_picture(path, kind, image)


# --- sniff


@pytest.mark.parametrize("kind", [*PILLOW_KINDS, "heic", "dng"])
def test_the_format_is_told_by_content_whatever_the_name(tmp_path: Path, kind: str) -> None:
    wrong = "txt" if kind == "jpeg" else "jpg"
    path = make(tmp_path / f"photo.{SUFFIX.get(kind, kind)}", kind, quadrants())
    assert sniff(path.rename(tmp_path / f"photo.{wrong}")) == kind
    assert kind in FORMATS


@pytest.mark.parametrize(("kind", "maker"), RAW_MAKERS.items())
def test_raw_kinds_are_told_by_their_headers(tmp_path: Path, kind: str, maker: str) -> None:
    assert sniff(write(tmp_path / "photo.bin", raw_header(kind, maker))) == kind


def test_a_tiff_from_a_camera_maker_without_sensor_data_is_no_raw(tmp_path: Path) -> None:
    image = make_picture(tmp_path / "a.tif", "tiff", quadrants(), exif_block(make="NIKON CORPORATION", model="Scan"))
    assert sniff(image) == "tiff"
    assert sniff(write(tmp_path / "b.tif", tiff_bytes(Ifd(camera_tags("SONY", "X"))))) == "tiff"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is no photo",
        b"%PDF-1.7 ...",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42" + bytes(32),
        b"BM" + bytes(60),
        b"8BPS" + bytes(60),
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
    ],
)
def test_what_is_no_known_photo_is_none(tmp_path: Path, content: bytes) -> None:
    assert sniff(write(tmp_path / "photo.jpg", content)) is None


def test_mif1_is_told_by_its_compatible_brands(tmp_path: Path) -> None:
    for codec, kind in ((b"heic", "heic"), (b"avif", "avif"), (b"mif1", None)):
        head = struct.pack(">L4s4s4s4s4s", 24, b"ftyp", b"mif1", bytes(4), b"mif1", codec)
        assert sniff(write(tmp_path / "x", head + bytes(40))) == kind


def test_suffixes_promise_photos_that_cannot_be_read_as_well() -> None:
    assert {".jpg", ".nef", ".heic", ".psd", ".bmp", ".jxl"} <= PHOTO_SUFFIXES
    assert {".txt", ".mp4", ".xmp", ".pdf"}.isdisjoint(PHOTO_SUFFIXES)


# --- decode


@pytest.mark.parametrize("kind", PILLOW_KINDS)
def test_pixels_of_every_format_are_right_and_never_scaled_up(tmp_path: Path, kind: str) -> None:
    facts, pixels = open_photo(make_picture(tmp_path / "a", kind, quadrants((96, 64))), 1280)
    assert (facts.format, facts.width, facts.height) == (kind, 96, 64)
    assert pixels.shape == (64, 96, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert_corners(pixels, TURNED[1])


@pytest.mark.parametrize("kind", PILLOW_KINDS)
def test_the_longer_side_comes_down_to_the_wanted_size(tmp_path: Path, kind: str) -> None:
    path = make_picture(tmp_path / "a", kind, quadrants((600, 900)))
    pixels = decode(path, 100)
    assert pixels.shape == (100, 67, 3)
    assert_corners(pixels, TURNED[1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "avif"])
def test_every_orientation_is_applied_to_pixels_and_facts(tmp_path: Path, kind: str, orientation: int) -> None:
    path = make_picture(tmp_path / "a", kind, quadrants((192, 128)), exif_block(orientation=orientation))
    for longest in (1280, 96):
        facts, pixels = open_photo(path, longest)
        assert (facts.width, facts.height) == ((192, 128) if orientation < 5 else (128, 192))
        assert (pixels.shape[1] > pixels.shape[0]) == (orientation < 5)
        assert_corners(pixels, TURNED[orientation])
    assert read_facts(path) == facts


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_is_none_is_upright(tmp_path: Path, orientation: int) -> None:
    path = make_picture(tmp_path / "a.jpg", "jpeg", quadrants(), exif_block(orientation=orientation))
    assert_corners(decode(path, 96), TURNED[1])


@pytest.mark.parametrize(("turns", "orientation"), [(0, 1), (1, 8), (2, 3), (3, 6)])
def test_heic_is_turned_by_its_own_property_and_not_by_exif(tmp_path: Path, turns: int, orientation: int) -> None:
    path = make_heic(tmp_path / "a.heic", quarter_turns=turns, exif=exif_block(orientation=6, make="Apple"))
    facts, pixels = open_photo(path, 1280)
    assert facts.camera_make == "Apple"
    assert_corners(pixels, TURNED[orientation])


def test_heic_grids_are_decoded_and_scaled(tmp_path: Path) -> None:
    facts, pixels = open_photo(make_heic(tmp_path / "a.heic", columns=4, rows=2), 128)
    assert (facts.width, facts.height, pixels.shape) == (256, 128, (64, 128, 3))


@pytest.mark.parametrize("preview", [(320, 240), None])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_dng_preview_and_demosaiced_picture_stand_upright(
    tmp_path: Path, preview: tuple[int, int] | None, orientation: int
) -> None:
    path = make_dng(tmp_path / "a.dng", picture=quadrants((640, 480)), preview=preview, orientation=orientation)
    facts, pixels = open_photo(path, 320)
    assert (facts.width, facts.height) == ((640, 480) if orientation < 5 else (480, 640))
    assert sorted(pixels.shape[:2]) == [240, 320]
    assert_corners(pixels, TURNED[orientation], tolerance=45)  # the demosaiced colours are LibRaw's own


def test_dng_preview_is_used_from_half_the_wanted_size(tmp_path: Path) -> None:
    path = make_dng(tmp_path / "a.dng", picture=quadrants((640, 480)), preview=(160, 120))
    assert decode(path, 320).shape == (120, 160, 3)
    assert decode(path, 400).shape == (300, 400, 3)
    assert decode(path, 5000).shape == (480, 640, 3)


def test_linear_dng_without_a_mosaic_is_decoded(tmp_path: Path) -> None:
    path = make_dng(tmp_path / "a.dng", picture=quadrants((320, 240)), preview=None, linear=True)
    assert_corners(decode(path, 160), TURNED[1], tolerance=45)


@pytest.mark.parametrize("kind", ["nef", "arw", "pef", "srw", "cr2"])
def test_sensor_data_of_other_raw_kinds_is_decoded(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a", raw_header(kind, RAW_MAKERS[kind], size=(192, 128)))
    facts, pixels = open_photo(path, 96)
    assert (facts.format, facts.camera_make, facts.width, facts.height) == (kind, RAW_MAKERS[kind], 192, 128)
    assert pixels.shape == (64, 96, 3)
    assert_corners(pixels, TURNED[1], tolerance=45)


def test_a_raw_kind_that_libraw_does_not_know_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="LibRaw does not know") as caught:
        open_photo(write(tmp_path / "a.nef", raw_header("nef", RAW_MAKERS["nef"])), 1280)
    assert "DNG or JPEG" in caught.value.remedy


# --- modes and colours


def pixel(path: Path) -> tuple[int, ...]:
    return tuple(int(c) for c in decode(path, 1280)[2, 2])


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "options", "expected"),
    [
        ("L", 77, "png", {}, (77, 77, 77)),
        ("LA", (0, 0), "png", {}, (255, 255, 255)),
        ("LA", (0, 255), "png", {}, (0, 0, 0)),
        ("RGBA", (255, 0, 0, 0), "png", {}, (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), "webp", {"lossless": True}, (255, 0, 0)),
        ("RGBA", (0, 0, 0, 51), "tiff", {}, (204, 204, 204)),
        ("1", 1, "png", {}, (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), "tiff", {}, (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "jpeg", {"quality": 100}, (255, 0, 0)),
        ("YCbCr", (128, 128, 128), "jpeg", {}, (128, 128, 128)),
        ("I;16", 257 * 100, "png", {}, (100, 100, 100)),
        ("I;16", 257 * 100, "tiff", {}, (100, 100, 100)),
        ("F", 0.5, "tiff", {}, (128, 128, 128)),
    ],
)
def test_modes_become_8_bit_rgb(
    tmp_path: Path, mode: str, colour: object, kind: str, options: dict[str, object], expected: tuple[int, ...]
) -> None:
    path = make_picture(tmp_path / "a", kind, Image.new(mode, (8, 8), colour), **options)  # type: ignore[arg-type]
    assert np.abs(np.array(pixel(path)) - expected).max() <= 2


def test_palettes_and_their_transparency_are_resolved(tmp_path: Path) -> None:
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    assert pixel(make_picture(tmp_path / "a.png", "png", picture)) == (10, 200, 30)
    assert pixel(make_picture(tmp_path / "b.png", "png", picture, transparency=1)) == (255, 255, 255)
    assert pixel(make_picture(tmp_path / "c.gif", "gif", picture, transparency=1)) == (255, 255, 255)


def test_only_the_first_frame_and_page_is_taken(tmp_path: Path) -> None:
    frames = [quadrants(), Image.new("RGB", (96, 64), "black")]
    for kind in ("gif", "tiff", "webp"):
        path = make_picture(tmp_path / kind, kind, frames[0], save_all=True, append_images=frames[1:])
        assert_corners(decode(path, 96), TURNED[1])


def test_floats_outside_0_to_1_span_their_own_range_and_bad_ones_are_black(tmp_path: Path) -> None:
    values = np.tile(np.array([-10, 0, 30, np.nan], np.float32), (4, 1))
    pixels = decode(make_picture(tmp_path / "a.tif", "tiff", Image.fromarray(values)), 100)
    assert pixels[0, :, 0].tolist() == [0, 64, 255, 0]


def test_16_bit_tiff_where_white_is_zero_is_turned_over(tmp_path: Path) -> None:
    values = Image.fromarray(np.full((4, 4), 65535, np.uint16))
    path = make_picture(tmp_path / "a.tif", "tiff", values, tiffinfo={262: 0})
    assert decode(path, 4).max() == 0


def test_a_profile_far_from_srgb_is_applied_a_near_one_and_a_damaged_one_are_not(tmp_path: Path) -> None:
    grey_red = Image.new("RGB", (8, 8), (180, 100, 100))
    plain = pixel(make_picture(tmp_path / "a.png", "png", grey_red))
    near = pixel(make_picture(tmp_path / "b.png", "png", grey_red, icc_profile=icc_profile()))
    broken = pixel(make_picture(tmp_path / "c.png", "png", grey_red, icc_profile=b"no profile"))
    far = pixel(make_picture(tmp_path / "d.png", "png", grey_red, icc_profile=icc_profile(*PRO_PHOTO)))
    assert plain == near == broken == (180, 100, 100)
    assert far[0] - far[1] > 100  # ProPhoto's numbers stand for a stronger red


def test_lab_is_converted(tmp_path: Path) -> None:
    path = make_picture(tmp_path / "a.tif", "tiff", Image.new("LAB", (8, 8), (255, 128, 128)))
    assert min(pixel(path)) > 250


# --- limits


@pytest.mark.parametrize("kind", [*PILLOW_KINDS, "heic", "dng"])
def test_a_header_of_40000_x_40000_is_refused(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "a", kind, quadrants())
    path.write_bytes(with_size(path.read_bytes(), 40_000, 40_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecompressionBombWarning)
        with pytest.raises(PhotoError) as caught:
            open_photo(path, 1280)
    # libavif refuses the header itself, without naming the size
    assert re.search("too large|impossible size" + ("|BMFF" if kind == "avif" else ""), caught.value.message)


@pytest.mark.parametrize("kind", ["png", "tiff", "gif", "avif", "heic"])
def test_12000_x_12000_is_refused_where_it_cannot_be_decoded_at_a_smaller_scale(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "a", kind, quadrants())
    path.write_bytes(with_size(path.read_bytes(), 12_000, 12_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecompressionBombWarning)
        with pytest.raises(PhotoError, match="MiB to decode"):
            open_photo(path, 1280)


def test_a_huge_jpeg_is_not_refused_by_pillow_s_own_limit(tmp_path: Path) -> None:
    path = make_jpeg(tmp_path / "a.jpg", (64, 64))
    path.write_bytes(with_size(path.read_bytes(), 20_000, 12_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecompressionBombWarning)
        facts, pixels = open_photo(path, 1280)  # libjpeg leaves grey what has no data
    assert (facts.width, facts.height, pixels.shape) == (20_000, 12_000, (768, 1280, 3))


def test_a_long_panorama_is_fine(tmp_path: Path) -> None:
    pixels = decode(make_jpeg(tmp_path / "a.jpg", picture=quadrants((30_000, 200))), 1280)
    assert pixels.shape == (9, 1280, 3)


def test_memory_decides_by_format_and_by_scans(tmp_path: Path) -> None:
    picture = quadrants((1600, 1200))
    limits = Limits(max_memory_bytes=8_000_000)
    baseline = make_jpeg(tmp_path / "a.jpg", picture=picture)
    progressive = make_jpeg(tmp_path / "b.jpg", picture=picture, progressive=True)
    assert decode(baseline, 200, limits).shape == (150, 200, 3)
    others = [make_picture(tmp_path / kind, kind, picture) for kind in ("png", "tiff", "webp", "avif", "gif")]
    for path in (progressive, *others):
        with pytest.raises(PhotoError, match="MiB to decode"):
            decode(path, 200, limits)


def test_a_sequential_jpeg_whose_first_scan_leaves_components_out_counts_as_progressive(tmp_path: Path) -> None:
    path = make_jpeg(tmp_path / "a.jpg", picture=quadrants((1600, 1200)))
    path.write_bytes(path.read_bytes().replace(b"\xff\xda\x00\x0c\x03", b"\xff\xda\x00\x0c\x01", 1))
    with pytest.raises(PhotoError, match="MiB to decode"):
        decode(path, 200, Limits(max_memory_bytes=8_000_000))


def test_jpeg_2000_is_decoded_at_a_smaller_scale(tmp_path: Path) -> None:
    path = make_picture(tmp_path / "a.jp2", "jpeg2000", quadrants((1600, 1200)))
    limits = Limits(max_memory_bytes=8_000_000)
    assert_corners(decode(path, 200, limits), TURNED[1])
    with pytest.raises(PhotoError, match="MiB to decode"):
        decode(path, 1600, limits)


def test_a_file_beyond_the_byte_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="too large a file"):
        open_photo(make_jpeg(tmp_path / "a.jpg"), 100, Limits(max_file_bytes=1000))


# --- broken files


def test_empty_gone_and_irregular_files_are_named_for_what_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    cases = {
        write(tmp_path / "empty.jpg", b""): "empty",
        tmp_path / "gone.jpg": "no longer there",
        tmp_path: "not a regular file",
        pipe: "not a regular file",
        write(tmp_path / "text.jpg", b"not a picture"): r"no photo format that can be read \(\.jpg\)",
        write(tmp_path / "x.psd", b"8BPS" + bytes(60)): r"\(\.psd\)",
    }
    for path, words in cases.items():
        for call in (read_facts, lambda p: open_photo(p, 100)):
            with pytest.raises(PhotoError, match=words) as caught:
                call(path)
            assert caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_named_so(tmp_path: Path) -> None:
    path = make_jpeg(tmp_path / "a.jpg")
    path.chmod(0)
    with pytest.raises(PhotoError, match="may not be read"):
        read_facts(path)


@pytest.mark.parametrize("kind", [*PILLOW_KINDS, "heic", "dng", "progressive"])
def test_a_file_cut_in_the_middle_is_truncated(tmp_path: Path, kind: str) -> None:
    picture = scene((256, 192))
    path = tmp_path / "a"
    if kind == "progressive":
        make_jpeg(path, picture=picture, progressive=True)
    else:
        make(path, kind, picture)
    data = path.read_bytes()
    for share in (0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(PhotoError, match="truncated" if kind != "jpeg2000" else "truncated|damaged"):
            open_photo(path, 128)


def test_a_raw_file_without_its_end_is_refused_although_its_preview_is_whole(tmp_path: Path) -> None:
    path = make_dng(tmp_path / "a.dng", preview=(320, 240))
    data = path.read_bytes()
    preview = data.find(b"\xff\xd8\xff")
    assert 0 < preview < len(data) // 10  # the preview stands before the sensor data
    path.write_bytes(data[:-50_000])
    with pytest.raises(PhotoError, match="truncated"):
        open_photo(path, 320)


def test_heif_item_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """pi-heif 1.4.0 takes the whole process down on them."""
    data = heic_bytes(exif=exif_block(make="X"), xmp=xmp_packet(["a"]))
    for old, new in ((b"mime", b"m\x9fme"), (b"application/rdf+xml", b"application\xferdf+xml")):
        path = write(tmp_path / "a.heic", data.replace(old, new, 1))
        with pytest.raises(PhotoError, match="damaged"):
            open_photo(path, 100)


@pytest.mark.parametrize("kind", [*PILLOW_KINDS, "heic", "dng"])
def test_mutated_files_give_pixels_or_a_photo_error_and_nothing_else(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "a", kind, scene((96, 64)))
    source = path.read_bytes()
    failed = 0
    for seed in range(48):
        path.write_bytes(mutate(source, seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Pillow's remarks on corrupt EXIF
            try:
                _, pixels = open_photo(path, 64)
            except PhotoError as error:
                assert error.remedy and "\n" not in str(error)
                failed += 1
            else:
                assert pixels.dtype == np.uint8
                assert pixels.ndim == 3
                assert max(pixels.shape[:2]) <= 64
    assert failed >= 12


def test_no_call_changes_the_photo(tmp_path: Path) -> None:
    for kind in (*PILLOW_KINDS, "heic", "dng"):
        path = make(tmp_path / kind, kind, quadrants())
        before = path.read_bytes(), path.stat().st_mtime_ns
        sniff(path), read_facts(path), open_photo(path, 32)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_paths_may_be_given_as_text(tmp_path: Path) -> None:
    path = str(make_jpeg(tmp_path / "a.jpg"))
    assert sniff(path) == read_facts(path).format == "jpeg"
    assert decode(path, 32).shape == (24, 32, 3)
    assert re.search(r"a\.jpg", path)


def test_facts_of_a_png_are_read_without_its_pixels(tmp_path: Path) -> None:
    path = make_picture(tmp_path / "a.png", "png", scene((200, 100)))
    path.write_bytes(path.read_bytes()[:2000])
    assert (read_facts(path).width, read_facts(path).height) == (200, 100)
