"""Reads camera RAW files: their embedded metadata, whether they are whole, and a picture of a wanted size."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from urbextag.errors import PhotoError
from urbextag.images.containers import boxes, claimed_length, length_of, read_at, read_ifd
from urbextag.images.facts import FIELD_FAULTS, Embedded
from urbextag.images.faults import COPY_AGAIN, Limits, check_size, photo_faults

if TYPE_CHECKING:
    import rawpy
    from PIL import Image

AS_DNG = "Convert it to DNG or JPEG with its maker's program, or copy it again from the camera or a backup"

_EXIF_IFD, _GPS_IFD, _XMP, _ORIENTATION = 0x8769, 0x8825, 700, 274
_TELL_THEIR_LENGTH = frozenset({"nef", "cr2", "cr3", "arw", "dng", "raf", "pef", "srw"})

_CR3_METADATA = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CR3_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

_ORIENTATION_OF_FLIP = {0: 1, 1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}
"""LibRaw's flip bits (1 mirror, 2 upside down, 4 transpose) as EXIF orientations."""

_BAYER_BYTES = 6
"""Per sensor pixel at half size: 2 sensor data, 2 half-size image of 4 x 16 bit, 1 result, 1 in hand."""
_FULL_BYTES = 20
"""Per pixel where nothing can be halved: 8 sensor data, 8 image of 4 x 16 bit, 3 result, 1 in hand."""


@contextmanager
def open_raw(path: Path) -> Iterator[rawpy.RawPy]:
    """LibRaw with the header read; pixels are unpacked when they are asked for.

    Raises:
        PhotoError: LibRaw does not know the camera, or the file is broken (also raised for errors in the `with`).

    """
    import rawpy

    with photo_faults(path, rawpy.LibRawError, rawpy.NotSupportedError):
        try:
            opened = rawpy.imread(str(path))
        except rawpy.LibRawFileUnsupportedError as error:
            raise PhotoError(
                f"{path.name} is a RAW file that LibRaw does not know, or a damaged one", AS_DNG
            ) from error
        with opened as raw:
            try:
                yield raw
            except rawpy.LibRawTooBigError as error:
                raise PhotoError(f"{path.name} claims an impossible size ({raw_size(raw)})", COPY_AGAIN) from error


def raw_size(raw: rawpy.RawPy) -> tuple[int, int]:
    """Width and height of the full picture in pixels, orientation applied."""
    sizes = raw.sizes
    return (sizes.height, sizes.width) if sizes.flip & 4 else (sizes.width, sizes.height)


def raw_picture(path: Path, raw: rawpy.RawPy, longest_px: int, limits: Limits) -> tuple[Image.Image, int]:
    """The embedded preview if its longest side is at least half of `longest_px`, else the demosaiced sensor data.

    Returns:
        The picture, 8 bit, not yet scaled down to `longest_px` (a JPEG is not yet decoded), and the EXIF orientation
        that it still needs.

    """
    from PIL import Image

    preview = _preview(raw)
    wanted = min(longest_px, max(raw.sizes.width, raw.sizes.height))
    if preview is not None and 2 * max(preview.size) >= wanted:
        return preview, _preview_orientation(preview, raw)
    sizes = raw.sizes
    # half size is a quarter of the work, and enough where it is at least as large as wanted
    half = max(sizes.width, sizes.height) >= 2 * longest_px
    flat = half and raw.raw_type.name == "Flat"
    memory = sizes.raw_width * sizes.raw_height * (_BAYER_BYTES if flat else _FULL_BYTES)
    check_size(path, sizes.raw_width, sizes.raw_height, memory, limits)
    pixels = raw.postprocess(half_size=half, use_camera_wb=True, output_bps=8)
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]), 1


def _preview(raw: rawpy.RawPy) -> Image.Image | None:
    import rawpy
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if isinstance(thumb.data, bytes):
        return JpegImageFile(io.BytesIO(thumb.data))
    return Image.fromarray(thumb.data)


def _preview_orientation(preview: Image.Image, raw: rawpy.RawPy) -> int:
    """The EXIF orientation that the preview needs.

    Its own where it has one (LibRaw adds it to JPEGs without EXIF), else the RAW's, unless the preview stands upright
    already, as some cameras store it.
    """
    try:
        own = preview.getexif().get(_ORIENTATION)
    except FIELD_FAULTS:
        own = None
    if isinstance(own, int) and 1 <= own <= 8:
        return own
    sizes = raw.sizes
    landscape = sizes.width > sizes.height
    if sizes.flip & 4 and (preview.width > preview.height) != landscape:
        return 1
    return _ORIENTATION_OF_FLIP[sizes.flip]


def raw_embedded(path: Path, kind: str) -> Embedded:
    """The metadata blocks of a RAW file: TIFF directories, those in CR3's boxes, or those of RAF's JPEG."""
    with photo_faults(path), path.open("rb") as file:
        if kind == "cr3":
            return _cr3_embedded(file)
        if kind == "raf":
            return _raf_embedded(file)
        return _tiff_embedded(file)


def _tiff_embedded(file: IO[bytes]) -> Embedded:
    base = _ifd(file)
    xmp = base.get(_XMP) if _XMP in base else None
    return Embedded(
        base=base,
        exif=_sub_ifd(file, base, _EXIF_IFD),
        gps=_sub_ifd(file, base, _GPS_IFD),
        xmp=xmp if isinstance(xmp, bytes) else None,
    )


def _ifd(file: IO[bytes], offset: int | None = None) -> Mapping[int, Any]:
    try:
        return read_ifd(file, offset)
    except FIELD_FAULTS:
        return {}


def _sub_ifd(file: IO[bytes], base: Mapping[int, Any], tag: int) -> Mapping[int, Any]:
    offset = base.get(tag)
    return _ifd(file, offset) if isinstance(offset, int) else {}


def _raf_embedded(file: IO[bytes]) -> Embedded:
    from PIL.JpegImagePlugin import JpegImageFile

    file.seek(84)
    place = file.read(8)
    start, length = int.from_bytes(place[:4], "big"), int.from_bytes(place[4:], "big")
    file.seek(start)
    try:
        with JpegImageFile(io.BytesIO(file.read(length))) as image:
            exif = image.getexif()
            xmp = image.info.get("xmp")
            return Embedded(base=exif, exif=exif.get_ifd(_EXIF_IFD), gps=exif.get_ifd(_GPS_IFD), xmp=xmp)
    except FIELD_FAULTS:
        return Embedded()


def _cr3_embedded(file: IO[bytes]) -> Embedded:
    blocks: dict[bytes, Mapping[int, Any]] = {}
    xmp = None
    for kind, start, end in boxes(file, 0, length_of(file)):
        if kind == b"uuid" and read_at(file, start, 16) == _CR3_XMP:
            xmp = read_at(file, start + 16, end - start - 16)
        if kind != b"moov":
            continue
        for inner, inner_start, inner_end in boxes(file, start, end):
            if inner == b"uuid" and read_at(file, inner_start, 16) == _CR3_METADATA:
                for name, name_start, name_end in boxes(file, inner_start + 16, inner_end):
                    if name.startswith(b"CMT"):
                        blocks[name] = _ifd(io.BytesIO(read_at(file, name_start, name_end - name_start)))
    return Embedded(blocks.get(b"CMT1", {}), blocks.get(b"CMT2", {}), blocks.get(b"CMT4", {}), xmp)


def check_whole(path: Path, kind: str) -> None:
    """Refuse a RAW file that is shorter than its directories say: the preview alone would hide the damage.

    Raises:
        PhotoError: truncated. ORF, RW2 and kinds of few files are not checked: their counts are not to be relied on.

    """
    if kind not in _TELL_THEIR_LENGTH:
        return
    with photo_faults(path):
        length, claimed = path.stat().st_size, claimed_length(path)
    if claimed > length:
        raise PhotoError(f"{path.name} is truncated ({length} of at least {claimed} bytes)", COPY_AGAIN)
