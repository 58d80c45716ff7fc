"""Writes TIFF-based RAW files and HEIC box by box, since no permissive library encodes them; for tests only."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# TIFF types: byte, ASCII, short, long, rational, undefined, signed rational
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
_PACK = {BYTE: "B", SHORT: "H", LONG: "L"}

# One 64 x 64 HEVC picture of our own (quadrants red, green, blue, white), encoded once with x265
_HVCC = base64.b64decode(
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIa"
    "DAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQA=="
)
_HEVC = base64.b64decode("AAAAPCgBrwngITl1X//8gj///GI3IfwKH2eefg0qn/ORH//O3Zwn/8VUQH8v5Pf/KfDbO//8Iop0+hqIX2M1MA==")
_NCLX = struct.pack(">4sHHHB", b"nclx", 1, 13, 6, 0x80)
HEIC_TILE = 64


class Ifd:
    """One image file directory that is written with its data; `children` become SubIFDs or EXIF and GPS pointers."""

    def __init__(self, tags: dict[int, tuple[int, Any]], data: bytes = b"", data_tags: tuple[int, int] = (273, 279)):
        self.tags, self.data, self.data_tags = dict(tags), data, data_tags
        self.children: dict[int, list[Ifd]] = {}

    def write(self, out: io.BytesIO, order: str) -> int:
        """Append children, directory and data to `out`, in this order; returns the directory's offset."""
        for tag, ifds in self.children.items():
            self.tags[tag] = (LONG, [ifd.write(out, order) for ifd in ifds])
        if self.data:
            self.tags[self.data_tags[0]] = (LONG, [0])  # not known yet
            self.tags[self.data_tags[1]] = (LONG, [len(self.data)])
        entries = []
        for tag, (kind, values) in sorted(self.tags.items()):
            count, packed = _packed(kind, values, order)
            field = packed.ljust(4, b"\x00") if len(packed) <= 4 else struct.pack(order + "L", _append(out, packed))
            entries.append(struct.pack(order + "HHL", tag, kind, count) + field)
        at = _append(out, struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))
        if self.data:
            start = _append(out, self.data)
            out.seek(at + 2 + 12 * sorted(self.tags).index(self.data_tags[0]) + 8)
            out.write(struct.pack(order + "L", start))
        return at


def _append(out: io.BytesIO, data: bytes) -> int:
    at = out.seek(0, io.SEEK_END)
    out.write(data + b"\x00" * (len(data) % 2))
    return at


def _packed(kind: int, values: Any, order: str) -> tuple[int, bytes]:
    if kind == ASCII:
        data = values.encode() + b"\x00"
        return len(data), data
    if isinstance(values, bytes):
        return len(values), values
    if kind in (RATIONAL, SRATIONAL):
        letter = "L" if kind == RATIONAL else "l"
        return len(values), b"".join(struct.pack(order + 2 * letter, round(v * 10000), 10000) for v in values)
    return len(values), struct.pack(f"{order}{len(values)}{_PACK[kind]}", *values)


def tiff_bytes(first: Ifd, *following: Ifd, magic: bytes = b"II*\x00", gap: bytes = b"") -> bytes:
    """A TIFF, or a RAW laid out like one: `magic` gives the byte order, `gap` stands between header and data."""
    order = "<" if magic.startswith(b"II") else ">"
    out = io.BytesIO()
    out.write(magic + bytes(4) + gap)
    link = 4
    for ifd in (first, *following):
        at = ifd.write(out, order)
        out.seek(link)
        out.write(struct.pack(order + "L", at))
        link = at + 2 + 12 * len(ifd.tags)
    return out.getvalue()


def camera_tags(make: str, model: str, orientation: int = 1) -> dict[int, tuple[int, Any]]:
    return {271: (ASCII, make), 272: (ASCII, model), 274: (SHORT, [orientation])}


def exif_children(taken: str | None, gps: tuple[float, float, float] | None) -> dict[int, list[Ifd]]:
    """EXIF and GPS directories: `taken` as EXIF writes it, `gps` as signed latitude, longitude and altitude."""
    children: dict[int, list[Ifd]] = {}
    if taken is not None:
        children[0x8769] = [Ifd({0x9003: (ASCII, taken)})]
    if gps is not None:
        latitude, longitude, altitude = gps
        children[0x8825] = [
            Ifd(
                {
                    1: (ASCII, "S" if latitude < 0 else "N"),
                    2: (RATIONAL, [abs(latitude), 0, 0]),
                    3: (ASCII, "W" if longitude < 0 else "E"),
                    4: (RATIONAL, [abs(longitude), 0, 0]),
                    5: (BYTE, [int(altitude < 0)]),
                    6: (RATIONAL, [abs(altitude)]),
                }
            )
        ]
    return children


def sensor_ifd(picture: Image.Image, linear: bool = False, dtype: str = "<u2") -> Ifd:
    """16-bit sensor data of a picture: an RGGB mosaic, or linear RGB; `dtype` must have the file's byte order."""
    rgb = np.asarray(picture.convert("RGB")).astype(np.float32) / 255
    values = (rgb**2.2 * 60000 + 500).astype(dtype)
    width, height = picture.size
    tags: dict[int, tuple[int, Any]] = {
        254: (LONG, [0]),
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [16, 16, 16] if linear else [16]),
        259: (SHORT, [1]),
        262: (SHORT, [34892 if linear else 32803]),
        277: (SHORT, [3 if linear else 1]),
        278: (LONG, [height]),
        284: (SHORT, [1]),
        50714: (SHORT, [500]),
        50717: (LONG, [60500]),
    }
    if linear:
        return Ifd(tags, values.tobytes())
    mosaic = values[:, :, 1].copy()
    mosaic[0::2, 0::2] = values[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = values[1::2, 1::2, 2]
    tags[33421] = (SHORT, [2, 2])
    tags[33422] = (BYTE, [0, 1, 1, 2])
    return Ifd(tags, mosaic.tobytes())


def jpeg_bytes(picture: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def preview_ifd(picture: Image.Image) -> Ifd:
    """An embedded JPEG preview, as DNG keeps it: one JPEG strip in a SubIFD."""
    tags: dict[int, tuple[int, Any]] = {
        254: (LONG, [1]),
        256: (LONG, [picture.width]),
        257: (LONG, [picture.height]),
        258: (SHORT, [8, 8, 8]),
        259: (SHORT, [7]),
        262: (SHORT, [6]),
        277: (SHORT, [3]),
        278: (LONG, [picture.height]),
    }
    return Ifd(tags, jpeg_bytes(picture))


def box(kind: bytes, *content: bytes) -> bytes:
    """One ISO-BMFF box."""
    body = b"".join(content)
    return struct.pack(">L4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">L", version << 24 | flags), *content)


def heic_bytes(columns: int = 1, rows: int = 1, quarter_turns: int = 0, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    """A HEIC whose tiles are the one 64 x 64 picture, as a grid of `columns` x `rows` (ISO 23008-12 section 6.6.2.3).

    Args:
        columns: tiles across; a grid is written for more than one tile.
        rows: tiles down.
        quarter_turns: the `irot` property, anticlockwise quarters.
        exif: a TIFF-laid EXIF block.
        xmp: an XMP packet.
    """
    tiles = columns * rows
    size = struct.pack(">LL", columns * HEIC_TILE, rows * HEIC_TILE)
    properties = [
        box(b"hvcC", _HVCC),
        full_box(b"ispe", struct.pack(">LL", HEIC_TILE, HEIC_TILE)),
        box(b"colr", _NCLX),
        full_box(b"ispe", size),
        box(b"irot", bytes([quarter_turns % 4])),
    ]
    turn = [5] if quarter_turns % 4 else []
    items: list[tuple[int, bytes, bytes, list[int]]] = []  # id, type, data, properties
    references = []
    if tiles == 1:
        items.append((1, b"hvc1", _HEVC, [0x81, 2, 3, *turn]))
    else:
        grid = struct.pack(">BBBBLL", 0, 1, rows - 1, columns - 1, columns * HEIC_TILE, rows * HEIC_TILE)
        items.append((1, b"grid", grid, [4, 3, *turn]))
        items.extend((10 + n, b"hvc1", _HEVC, [0x81, 2, 3]) for n in range(tiles))
        ids = struct.pack(f">{tiles}H", *range(10, 10 + tiles))
        references.append(box(b"dimg", struct.pack(">HH", 1, tiles), ids))
    if exif:
        items.append((2, b"Exif", bytes(4) + exif, []))
        references.append(box(b"cdsc", struct.pack(">HHH", 2, 1, 1)))
    if xmp:
        items.append((3, b"mime", xmp, []))
        references.append(box(b"cdsc", struct.pack(">HHH", 3, 1, 1)))
    return _heic_file(items, references, properties)


def _heic_file(
    items: list[tuple[int, bytes, bytes, list[int]]], references: list[bytes], properties: list[bytes]
) -> bytes:
    infos, links, shown = [], [], 0
    for number, kind, _, used in items:
        suffix = b"application/rdf+xml\x00" if kind == b"mime" else b""
        hidden = int(kind == b"hvc1" and number >= 10)
        infos.append(full_box(b"infe", struct.pack(">HH4s", number, 0, kind), b"\x00", suffix, version=2, flags=hidden))
        if used:
            links.append(struct.pack(f">HB{len(used)}B", number, len(used), *used))
            shown += 1

    def meta(start: int) -> bytes:
        places, at = [], start
        for number, _, data, _ in items:
            places.append(struct.pack(">HHHLL", number, 0, 1, at, len(data)))
            at += len(data)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            full_box(b"pitm", struct.pack(">H", 1)),
            full_box(b"iloc", struct.pack(">HH", 0x4400, len(items)), *places),
            full_box(b"iinf", struct.pack(">H", len(items)), *infos),
            *([full_box(b"iref", *references)] if references else []),
            box(b"iprp", box(b"ipco", *properties), full_box(b"ipma", struct.pack(">L", shown), *links)),
        )

    kind = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + box(b"mdat", *(data for _, _, data, _ in items))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
