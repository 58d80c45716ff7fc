"""Opens a photo once: its facts from the header, and its pixels at the wanted size, upright and in sRGB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import PhotoError
from urbextag.images.containers import item_names_are_text, jpeg2000_reductions, png_late_chunks
from urbextag.images.facts import FIELD_FAULTS, Embedded, facts_of, orientation_of
from urbextag.images.faults import CONVERT, Limits, check_file, check_size, photo_faults
from urbextag.images.pixels import scaled_size, to_pixels
from urbextag.images.raw import check_whole, open_raw, raw_embedded, raw_picture, raw_size
from urbextag.images.sniff import PHOTO_SUFFIXES, RAW_FORMATS, sniff
from urbextag.records import PhotoFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageFile import ImageFile

_PLUGINS = {
    "jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "png": ("PIL.PngImagePlugin", "PngImageFile"),
    "tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "jpeg2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "heic": ("pi_heif", "HeifImageFile"),
}
"""The Pillow class for each format. Opened directly: `Image.open` would refuse a JPEG of 200 megapixels, which costs
little when it is decoded at an eighth, and would give the file to a decoder of another format."""

_BYTES_PER_PIXEL = {"png": 12, "tiff": 12, "gif": 12, "webp": 18, "avif": 16, "jpeg2000": 24, "heic": 16}
"""Peak bytes per pixel of a full decode with the copies that follow, measured on 24 megapixels and rounded up for
alpha and 10 bits: PNG 5.6 to 10.6, TIFF 5.6 to 10, GIF 6.6, WEBP 16.6, AVIF 9.3, HEIC 7.8, JPEG 2000 20. TIFF and GIF
must not go below 12: Pillow warns of a bomb above 2**30 / 12 pixels."""
_JPEG_BYTES = 4
_JPEG_COEFFICIENT_BYTES = 2
"""Per pixel and component: libjpeg keeps the whole picture's coefficients of a file with several scans."""

_READ_WHOLE = frozenset({"webp", "avif", "heic"})
"""Formats whose decoder takes the file into memory."""

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


def read_facts(path: Path | str) -> PhotoFacts:
    """What the file says of itself, from its header; no pixels are decoded.

    Raises:
        PhotoError: empty, gone, forbidden, unsupported, or its header is broken.

    """
    path = Path(path)
    kind = _known(path, Limits())
    if kind in RAW_FORMATS:
        with open_raw(path) as raw:
            return facts_of(kind, *raw_size(raw), raw_embedded(path, kind))
    with _opened(path, kind) as image:
        return _facts_and_orientation(kind, image)[0]


def decode(path: Path | str, longest_px: int, limits: Limits = Limits()) -> NDArray[np.uint8]:  # noqa: B008 (frozen)
    """The pixels of `open_photo`."""
    return open_photo(path, longest_px, limits)[1]


def open_photo(
    path: Path | str,
    longest_px: int,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
) -> tuple[PhotoFacts, NDArray[np.uint8]]:
    """Open a photo of any known format once.

    JPEG and JPEG 2000 are decoded at the smallest of their scales that gives at least twice the wanted size; all are
    then scaled with an antialiased bicubic filter. RAW gives its embedded preview if that is at least half the wanted
    size, else LibRaw's demosaiced picture. Of a GIF, multi-page TIFF or animation the first picture is taken.
    Transparency is laid on white. An embedded ICC profile is applied to the scaled-down picture where it matters
    (CMYK, LAB, ProPhoto; Display P3 and Adobe RGB are left as they are, see `pixels.py`); one that lcms2 refuses is
    left out. 16-bit and 32-bit greyscale are brought to 8 bit by the range of their type, floats in [0, 1] by 255,
    other floats and 32-bit integers by their own extremes.

    Args:
        path: the photo.
        longest_px: pixels of the longer side of the result at most; never scaled up.
        limits: what the photo may cost.

    Returns:
        Its facts, and (height, width, 3) uint8 RGB, C-contiguous, orientation applied.

    Raises:
        PhotoError: empty, gone, forbidden, unsupported, truncated, damaged or too large.

    """
    path = Path(path)
    kind = _known(path, limits)
    if kind in RAW_FORMATS:
        return _open_raw_photo(path, kind, longest_px, limits)
    with _opened(path, kind) as image:
        facts, orientation = _facts_and_orientation(kind, image)
        _prepare(path, kind, image, longest_px, limits)
        return facts, to_pixels(image, orientation, longest_px)


def _open_raw_photo(path: Path, kind: str, longest_px: int, limits: Limits) -> tuple[PhotoFacts, NDArray[np.uint8]]:
    check_whole(path, kind)
    with open_raw(path) as raw:
        facts = facts_of(kind, *raw_size(raw), raw_embedded(path, kind))
        picture, orientation = raw_picture(path, raw, longest_px, limits)
        if picture.format == "JPEG":
            _prepare(path, "jpeg", picture, longest_px, limits)
        return facts, to_pixels(picture, orientation, longest_px)


def _known(path: Path, limits: Limits) -> str:
    """The format of a file that is worth opening."""
    check_file(path, limits)
    kind = sniff(path)
    if kind is None:
        suffix = path.suffix.lower()
        named = f" ({suffix})" if suffix in PHOTO_SUFFIXES else ""
        raise PhotoError(f"{path.name} is of no photo format that can be read{named}", CONVERT)
    return kind


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[ImageFile]:
    """The picture with its header read, inside the boundary that turns a decoder's complaint into a PhotoError."""
    module, name = _PLUGINS[kind]
    plugin: type[ImageFile] = getattr(import_module(module), name)
    with photo_faults(path):
        if kind == "heic" and not item_names_are_text(path):
            raise SyntaxError("HEIF item names that are no text")
        with plugin(path) as image:
            yield image


def _prepare(path: Path, kind: str, image: Any, longest_px: int, limits: Limits) -> None:
    """Tell a decoder that can the scale to decode at, and refuse what would cost too much all the same."""
    width, height = image.size
    across, down = scaled_size(width, height, longest_px)
    if kind == "jpeg":
        image.draft(None, (2 * across, 2 * down))
        memory = image.width * image.height * _JPEG_BYTES
        coefficients = width * height * _JPEG_COEFFICIENT_BYTES * image.layers
        if memory + coefficients > limits.max_memory_bytes and (image.info.get("progressive") or _several_scans(image)):
            memory += coefficients
    elif kind == "jpeg2000":
        spare = min(width // (2 * across), height // (2 * down))
        halvings = min(jpeg2000_reductions(image.fp), max(0, spare.bit_length() - 1))
        image.reduce = halvings
        memory = (width * height >> 2 * halvings) * _BYTES_PER_PIXEL[kind] + path.stat().st_size
    else:
        memory = width * height * _BYTES_PER_PIXEL[kind] + (path.stat().st_size if kind in _READ_WHOLE else 0)
    check_size(path, width, height, memory, limits)


def _several_scans(image: Any) -> bool:
    """Whether the first scan of a sequential JPEG leaves components out (ITU T.81 B.2.3)."""
    file = image.fp
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        if head[1] == 0xDA:
            return bool(file.read(1)[0] < image.layers)
        file.seek(int.from_bytes(head[2:], "big") - 2, 1)
    return True


def _facts_and_orientation(kind: str, image: ImageFile) -> tuple[PhotoFacts, int]:
    """The facts, and the EXIF orientation that the pixels still need."""
    embedded = _embedded(kind, image)
    # Pillow turns a TIFF upright itself, libheif a HEIC (where an EXIF orientation says nothing, ISO 23008-12)
    orientation = 1 if kind in {"tiff", "heic"} else orientation_of(embedded.base)
    width, height = image.size
    if orientation >= 5:
        width, height = height, width
    return facts_of(kind, width, height, embedded), orientation


def _embedded(kind: str, image: Any) -> Embedded:
    """The metadata blocks that Pillow found; one that is broken is left out."""
    from PIL import Image
    from PIL.IptcImagePlugin import getiptcinfo

    late = png_late_chunks(image.fp) if kind == "png" else {}
    if b"eXIf" in late:
        image.info.setdefault("exif", b"Exif\x00\x00" + late[b"eXIf"])
    try:
        # not PngImageFile's own getexif, which decodes the picture to find EXIF behind it
        exif = Image.Image.getexif(image)
    except FIELD_FAULTS:
        exif = Image.Exif()
    try:
        iptc = getiptcinfo(image) or {}
    except FIELD_FAULTS:
        iptc = {}
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or late.get(b"iTXt")
    return Embedded(
        base=exif,
        exif=_directory(exif, _EXIF_IFD),
        gps=_directory(exif, _GPS_IFD),
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        iptc=iptc,
    )


def _directory(exif: Image.Exif, tag: int) -> dict[int, Any]:
    try:
        return exif.get_ifd(tag)
    except FIELD_FAULTS:
        return {}
