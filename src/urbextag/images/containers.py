"""Walks the two containers that most formats share, TIFF directories and ISO-BMFF boxes, and tells a file cut short."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

CONTAINER_FAULTS = (OSError, SyntaxError, ValueError, EOFError, struct.error, TypeError, LookupError, OverflowError)
"""What reading a broken directory raises."""

_SUB_IFDS = 330
_DATA_TAGS = ((273, 279), (324, 325), (513, 514))  # strips, tiles, JPEG: offsets and byte counts
_MAX_IFDS = 32


def read_ifd(file: IO[bytes], offset: int | None = None) -> Mapping[int, Any]:
    """One TIFF image file directory as {tag: value}; a value is parsed, and can fail, when it is asked for.

    Args:
        file: an open TIFF or a RAW file laid out like one (ORF, RW2).
        offset: where the directory starts; None = the first one.

    Raises:
        CONTAINER_FAULTS: broken.

    """
    ifd = _empty_ifd(file)
    file.seek(ifd.next if offset is None else offset)
    ifd.load(file)
    return ifd


def _empty_ifd(file: IO[bytes]) -> ImageFileDirectory_v2:
    """A directory of the file's byte order, not loaded; its `next` is where the first one starts."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    head = read_at(file, 0, 16)
    order = head[:2]
    if order not in (b"II", b"MM"):
        raise SyntaxError("no TIFF byte order")
    big = head[2:4] in (b"+\x00", b"\x00+")
    # ORF and RW2 write a magic number of their own where TIFF has 42
    magic = head[2:4] if big else (b"*\x00" if order == b"II" else b"\x00*")
    return ImageFileDirectory_v2(order + magic + (head[4:] if big else head[4:8]))


def numbers(ifd: Mapping[int, Any], tag: int) -> tuple[int, ...]:
    """A tag's whole numbers, none where it is missing or holds something else."""
    value = ifd.get(tag, ())
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))


def boxes(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """ISO-BMFF boxes (ISO 14496-12 section 4.2) between `start` and `end`.

    Yields:
        The type, and where the content starts and ends; in a file cut short the end may lie past `end`.

    """
    while start + 8 <= end:
        head = read_at(file, start, 16)
        if len(head) < 8:
            return
        size, body = int.from_bytes(head[:4], "big"), start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), start + 16
        elif size == 0:  # to the end of the file
            size = end - start
        if start + size < body:
            return
        yield head[4:8], body, start + size
        start += size


def read_at(file: IO[bytes], start: int, length: int) -> bytes:
    """Up to `length` bytes from `start`."""
    file.seek(start)
    return file.read(length)


def length_of(file: IO[bytes]) -> int:
    """Bytes in the file."""
    return file.seek(0, io.SEEK_END)


def claimed_length(path: Path) -> int:
    """How long the file must be at least by its own structure; 0 where that does not say.

    Of TIFF-like files the strips, tiles and JPEGs are counted, of ISO-BMFF and JPEG 2000 the boxes, of WEBP the RIFF
    chunk, of RAF the two blocks that its header points to.

    Raises:
        CONTAINER_FAULTS: the structure itself is broken, which a cut may have done as well.

    """
    with path.open("rb") as file:
        head, length = read_at(file, 0, 108), length_of(file)
        if head.startswith(TIFF_MAGIC):
            return max(_data_ends(file), default=0)
        if head[4:8] in (b"ftyp", b"jP  "):
            return max((end for _, _, end in boxes(file, 0, length)), default=0)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little")
        if head.startswith(b"FUJIFILMCCD-RAW"):
            places = [int.from_bytes(head[at : at + 4], "big") for at in (84, 88, 100, 104)]
            return max(places[0] + places[1], places[2] + places[3])
    return 0


def cut_short(path: Path) -> bool:
    """Whether the file is shorter than its own structure says; False where that cannot be told."""
    try:
        return claimed_length(path) > path.stat().st_size
    except CONTAINER_FAULTS:
        return False


def _data_ends(file: IO[bytes]) -> Iterator[int]:
    """Where each directory starts and each strip, tile and JPEG ends in a TIFF-like file."""
    waiting = [_empty_ifd(file).next]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_IFDS:
        offset = waiting.pop()
        if offset in seen or not offset:
            continue
        seen.add(offset)
        yield offset + 2
        ifd = read_ifd(file, offset)
        waiting.extend((*numbers(ifd, _SUB_IFDS), getattr(ifd, "next", 0)))
        for offsets, counts in _DATA_TAGS:
            yield from (at + count for at, count in zip(numbers(ifd, offsets), numbers(ifd, counts), strict=False))


def png_late_chunks(file: IO[bytes]) -> dict[bytes, bytes]:
    """EXIF and XMP that stand after the pixels of a PNG, as {b"eXIf" or b"iTXt": content}.

    Some programs write them there; Pillow would decode the whole picture to find them. A compressed XMP is left out.

    """
    found: dict[bytes, bytes] = {}
    at, late = 8, False
    while len(head := read_at(file, at, 8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        late = late or kind == b"IDAT"
        if late and kind == b"eXIf":
            found[kind] = file.read(length)
        elif late and kind == b"iTXt":
            data = file.read(length)
            keyword, _, rest = data.partition(b"\x00")
            if keyword == b"XML:com.adobe.xmp" and rest[:1] == b"\x00":
                found[kind] = rest[2:].split(b"\x00", 2)[-1]
        at += 12 + length
    return found


def jpeg2000_reductions(file: IO[bytes]) -> int:
    """How often a JPEG 2000 can be halved while decoding: the decomposition levels of its COD marker (T.800 A.6.1)."""
    head = read_at(file, 0, 1 << 16)
    at = head.find(b"\xff\x4f\xff\x51") + 2
    while at >= 2 and len(head) >= at + 10 and head[at] == 0xFF:
        if head[at + 1] == 0x52:
            return head[at + 9]
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return 0


def item_names_are_text(path: Path) -> bool:
    """Whether the item types, names and content types of a HEIF file are UTF-8, as ISO 14496-12 asks.

    pi-heif hands them to Python unchecked and takes the process down with it where they are not (pi-heif 1.4.0).
    """
    with path.open("rb") as file:
        for kind, start, end in boxes(file, 0, length_of(file)):
            if kind != b"meta":
                continue
            for inner, inner_start, inner_end in boxes(file, start + 4, end):
                if inner == b"iinf":
                    wide = read_at(file, inner_start, 1) != b"\x00"
                    entries = boxes(file, inner_start + (8 if wide else 6), inner_end)
                    texts = [_item_text(file, *place) for name, *place in entries if name == b"infe"]
                elif inner == b"iprp":
                    texts = [text for _, *place in boxes(file, inner_start, inner_end) for text in _aux(file, *place)]
                else:
                    continue
                if not all(map(_is_text, texts)):
                    return False
    return True


def _item_text(file: IO[bytes], start: int, end: int) -> bytes:
    """What follows an item's numbers in its `infe` box: type, name, content type and encoding."""
    wide = read_at(file, start, 1) == b"\x03"
    skip = start + (10 if wide else 8)
    return read_at(file, skip, max(0, end - skip))


def _aux(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """The kinds of auxiliary images that a property container names."""
    for kind, inner_start, inner_end in boxes(file, start, end):
        if kind == b"auxC":
            yield read_at(file, inner_start + 4, max(0, inner_end - inner_start - 4)).partition(b"\x00")[0]


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
