"""Tells a photo's format by its content alone, and which suffixes promise a photo."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from urbextag.images.containers import CONTAINER_FAULTS, TIFF_MAGIC, numbers, read_ifd
from urbextag.images.faults import photo_faults

RAW_FORMATS = frozenset({"nef", "cr2", "cr3", "arw", "dng", "raf", "orf", "rw2", "pef", "srw", "raw"})
"""RAW kinds; `raw` is a TIFF with sensor data of a maker that has no kind of its own here."""

FORMATS = frozenset({"jpeg", "png", "tiff", "webp", "avif", "jpeg2000", "gif", "heic"}) | RAW_FORMATS
"""Every format that `sniff` can answer and `open_photo` tries to open."""

_READABLE_SUFFIXES = (
    "jpg jpeg jpe jfif mpo insp png tif tiff webp avif jp2 j2k j2c jpc jpf jpx gif heic heif hif "
    "nef nrw cr2 cr3 arw sr2 srf dng raf orf rw2 rwl pef srw 3fr fff iiq erf mef mos dcr kdc gpr"
)
_UNREADABLE_SUFFIXES = "bmp dib psd psb jxl exr hdr svg ico tga pcx xcf eps dds ppm pgm pbm pnm jxr wdp crw mrw x3f"
PHOTO_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_READABLE_SUFFIXES} {_UNREADABLE_SUFFIXES}".split())
"""Lower-case suffixes that promise a picture, kinds that cannot be read included: a file with one of them that
`sniff` does not know is a photo that cannot be read, not a file to pass over in silence."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"IIRO", "orf"),
    (b"IIRS", "orf"),
    (b"MMOR", "orf"),
    (b"IIU\x00", "rw2"),
)
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}

# TIFF 6.0, TIFF/EP and DNG 1.7 tags
_MAKE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 271, 262, 330, 50706
_SENSOR_DATA = {32803, 34892}  # PhotometricInterpretation: colour filter array, linear raw
_MAX_SUB_IFDS = 16
_RAW_MAKERS = (("nikon", "nef"), ("sony", "arw"), ("pentax", "pef"), ("ricoh", "pef"), ("samsung", "srw"))


def sniff(path: Path | str) -> str | None:
    """Tell the format of a file by its content; its name plays no part.

    ISO-BMFF files are told by their brands (ISO 14496-12, 23008-12), TIFF-based RAW from TIFF by reading the image
    file directories (DNGVersion, or sensor data in IFD0 or a SubIFD and then the maker).

    Returns:
        One of `FORMATS`, or None: no photo format known here (an empty file included).

    Raises:
        PhotoError: the file is gone, forbidden, or its drive fails.

    """
    path = Path(path)
    with photo_faults(path), path.open("rb") as file:
        head = file.read(64)
        for magic, kind in _MAGIC:
            if head.startswith(magic):
                return kind
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "webp"
        if head[4:8] == b"ftyp":
            return _by_brand(head)
        if head.startswith(TIFF_MAGIC):
            return "cr2" if head[8:10] == b"CR" else _tiff_kind(file)
    return None


def _by_brand(head: bytes) -> str | None:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] == b"crx ":
        return "cr3"
    for brand in brands:  # major brand first: `mif1` alone names no codec, its compatible brands do
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEVC_BRANDS:
            return "heic"
    return None


def _tiff_kind(file: IO[bytes]) -> str:
    """`tiff` or a RAW kind. A TIFF with broken directories is a `tiff`: its decoder then says what is wrong."""
    try:
        directory = read_ifd(file)
        if _DNG_VERSION in directory:
            return "dng"
        offsets = numbers(directory, _SUB_IFDS)[:_MAX_SUB_IFDS]
        directories = [directory, *(read_ifd(file, offset) for offset in offsets)]
        if not any(ifd.get(_PHOTOMETRIC) in _SENSOR_DATA for ifd in directories):
            return "tiff"
        make = str(directory.get(_MAKE, "")).strip().lower()
    except CONTAINER_FAULTS:
        return "tiff"
    return next((kind for maker, kind in _RAW_MAKERS if make.startswith(maker)), "raw")
