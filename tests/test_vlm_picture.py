"""The picture that is sent to a VLM: upright, bounded, never too narrow for it, and without metadata."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from conftest import draw
from urbextag.errors import PhotoError
from urbextag.images import Limits
from urbextag.vlm.picture import LEAST_PX, encode


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


def with_metadata(path: Path, size: tuple[int, int], orientation: int) -> Path:
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (0, 0, size[0] // 2, size[1]))  # left half
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRET MAKER"
    exif.get_ifd(0x8825)[1] = "N"
    picture.save(path, exif=exif, comment=b"SECRET COMMENT", icc_profile=b"SECRET PROFILE", quality=92)
    return path


def test_the_picture_is_upright_bounded_and_bare(tmp_path: Path) -> None:
    photo = with_metadata(tmp_path / "a.jpg", (1600, 1200), orientation=6)
    assert b"SECRET" in photo.read_bytes()
    jpeg = encode(photo, Limits(), 1280, 90)
    image = opened(jpeg)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (960, 1280))
    red, _, blue = image.getpixel((480, 100))
    assert blue > 200 > 50 > red  # turned to the right: the left half is on top
    assert b"SECRET" not in jpeg and b"Exif" not in jpeg and b"ICC_PROFILE" not in jpeg
    assert not image.getexif() and not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert encode(photo, Limits(), 1280, 90) == jpeg


def test_quality_and_size_are_heard_and_nothing_is_scaled_up(tmp_path: Path) -> None:
    photo = draw(tmp_path / "sign.jpg", "WARD 7", size=(480, 320))
    assert opened(encode(photo, Limits(), 1280, 90)).size == (480, 320)
    assert opened(encode(photo, Limits(), 256, 90)).size == (256, 171)
    assert len(encode(photo, Limits(), 1280, 50)) < len(encode(photo, Limits(), 1280, 95))


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "gif"])
def test_every_format_leaves_as_jpeg(tmp_path: Path, suffix: str) -> None:
    photo = tmp_path / f"a.{suffix}"
    Image.new("RGB", (300, 200), "red").save(photo)
    assert opened(encode(photo, Limits(), 1280, 90)).format == "JPEG"


@pytest.mark.parametrize(
    ("size", "sent"),
    [((30, 20), (64, 64)), ((3000, 20), (1280, 64)), ((20, 300), (64, 300)), ((9, 9), (64, 64)), ((64, 64), (64, 64))],
)
def test_no_side_is_too_short_for_a_patch(tmp_path: Path, size: tuple[int, int], sent: tuple[int, int]) -> None:
    photo = tmp_path / "a.png"
    Image.new("RGB", size, "red").save(photo)
    image = opened(encode(photo, Limits(), 1280, 90))
    assert image.size == sent and min(sent) >= LEAST_PX
    red, green, _ = image.getpixel((sent[0] // 2, sent[1] // 2))
    assert red > 150 and green < 110  # the picture lies in the middle
    if size[0] < 60 and size[1] < 60:
        assert all(abs(value - 128) < 12 for value in image.getpixel((0, 0)))


def test_a_photo_s_own_fault_is_its_own(tmp_path: Path) -> None:
    broken = tmp_path / "a.jpg"
    broken.write_bytes(draw(tmp_path / "b.jpg", "X").read_bytes()[:900])
    with pytest.raises(PhotoError):
        encode(broken, Limits(), 1280, 90)
    with pytest.raises(PhotoError, match="too large"):
        encode(draw(tmp_path / "c.jpg", "X"), Limits(max_pixels=100), 1280, 90)
