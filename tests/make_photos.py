"""Draws and writes real photo files of every format, with metadata, and breaks them; for tests only."""

from __future__ import annotations

import io
import random
import re
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from make_containers import (
    ASCII,
    BYTE,
    RATIONAL,
    SHORT,
    SRATIONAL,
    Ifd,
    box,
    camera_tags,
    exif_children,
    heic_bytes,
    jpeg_bytes,
    preview_ifd,
    sensor_ifd,
    tiff_bytes,
    write,
)

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 40), (40, 60, 220), (240, 240, 240)
PILLOW_KINDS = ("jpeg", "png", "tiff", "webp", "avif", "jpeg2000", "gif")
SUFFIX = {"jpeg": "jpg", "jpeg2000": "jp2", "tiff": "tif"}
Gps = tuple[float, float, float]


def quadrants(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Red, green / blue, white: which way up a picture is can be read from its corners."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    w, h = size[0] // 2, size[1] // 2
    for (x, y), colour in zip(((0, 0), (w, 0), (0, h), (w, h)), (RED, GREEN, BLUE, WHITE), strict=True):
        draw.rectangle((x, y, x + w, y + h), fill=colour)
    return image


def scene(size: tuple[int, int] = (640, 480), text: str | None = None, seed: int = 0) -> Image.Image:
    """A picture with sky, ground, sharp-edged boxes and a little texture; `text` is painted as a sign."""
    rng = np.random.default_rng(seed)
    width, height = size
    shade = np.linspace(200, 90, height)[:, None, None] * np.array([0.8, 0.9, 1.0])
    pixels = np.broadcast_to(shade, (height, width, 3)) + rng.normal(0, 1.5, (height, width, 1))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(2, max(3, width // 5))), int(rng.integers(2, max(3, height // 5)))
        draw.rectangle((x, y, x + w, y + h), fill=tuple(int(c) for c in rng.integers(20, 235, 3)))
    if text:
        font = ImageFont.load_default(size=max(12, height // 10))
        box_ = draw.textbbox((width // 10, height // 3), text, font=font)
        draw.rectangle((box_[0] - 10, box_[1] - 10, box_[2] + 10, box_[3] + 10), fill=(250, 250, 245))
        draw.text((width // 10, height // 3), text, fill=(10, 10, 10), font=font)
    return image


def exif_block(
    orientation: int | None = None,
    make: str | None = None,
    model: str | None = None,
    taken: str | None = None,
    gps: Gps | None = None,
) -> bytes:
    """A TIFF-laid EXIF block, empty where nothing is given; `taken` as "2021:05:06 07:08:09"."""
    tags: dict[int, tuple[int, Any]] = {}
    if orientation is not None:
        tags[274] = (SHORT, [orientation])
    if make is not None:
        tags[271] = (ASCII, make)
    if model is not None:
        tags[272] = (ASCII, model)
    ifd = Ifd(tags)
    ifd.children = exif_children(taken, gps)
    return tiff_bytes(ifd) if tags or ifd.children else b""


def xmp_packet(subjects: Iterable[str] = (), attributes: str = "") -> bytes:
    """An XMP packet with dc:subject items and further attributes of rdf:Description."""
    items = "".join(f"<rdf:li>{subject}</rdf:li>" for subject in subjects)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}><dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def make_jpeg(
    path: Path,
    size: tuple[int, int] = (640, 480),
    *,
    picture: Image.Image | None = None,
    text: str | None = None,
    seed: int = 0,
    orientation: int | None = None,
    make: str | None = None,
    model: str | None = None,
    taken: str | None = None,
    gps: Gps | None = None,
    iptc: Iterable[bytes] = (),
    subjects: Iterable[str] = (),
    xmp_attributes: str = "",
    **options: Any,
) -> Path:
    """A JPEG of `picture`, or of a drawn `scene` with `text` on it; the metadata is written where it is given."""
    block = exif_block(orientation, make, model, taken, gps)
    subjects = tuple(subjects)
    if block:
        options["exif"] = b"Exif\x00\x00" + block
    if subjects or xmp_attributes:
        options["xmp"] = xmp_packet(subjects, xmp_attributes)
    image = picture if picture is not None else scene(size, text, seed)
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 90, **options})
    return write(path, with_iptc(out.getvalue(), iptc))


def with_iptc(jpeg: bytes, keywords: Iterable[bytes]) -> bytes:
    """A JPEG with an APP13 segment of IPTC keywords (2:25) put after its SOI marker."""
    records = b"".join(b"\x1c\x02\x19" + struct.pack(">H", len(word)) + word for word in keywords)
    if not records:
        return jpeg
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">L", len(records)) + records + b"\x00" * (len(records) % 2)
    segment = b"Photoshop 3.0\x00" + resource
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def make_picture(path: Path, kind: str, picture: Image.Image | None = None, exif: bytes = b"", **options: Any) -> Path:
    """A file of one of `PILLOW_KINDS`, without loss where the format can; `exif` as `exif_block` gives it."""
    defaults: dict[str, dict[str, Any]] = {
        "jpeg": {"quality": 92},
        "webp": {"lossless": True},
        "avif": {"quality": 92},
        "jpeg2000": {},
    }
    if exif and kind == "tiff":  # Pillow writes the tags of an Exif object into the TIFF's own directory
        loaded = Image.Exif()
        loaded.load(exif)
        options["exif"] = loaded
    elif exif:
        options["exif"] = b"Exif\x00\x00" + exif
    image = picture if picture is not None else scene()
    image.save(path, kind.upper(), **{**defaults.get(kind, {}), **options})
    return path


def make_heic(path: Path, columns: int = 1, rows: int = 1, **options: Any) -> Path:
    """A HEIC of `columns` x `rows` tiles of 64 x 64 pixels, each the same quadrants; options as `heic_bytes`."""
    return write(path, heic_bytes(columns, rows, **options))


def make_dng(
    path: Path,
    size: tuple[int, int] = (640, 480),
    *,
    picture: Image.Image | None = None,
    preview: tuple[int, int] | None = (320, 240),
    orientation: int = 1,
    linear: bool = False,
    taken: str | None = None,
    gps: Gps | None = None,
    make: str = "Ruins",
    model: str = "Ruins One",
) -> Path:
    """A DNG that LibRaw decodes: sensor data in IFD0 and, unless `preview` is None, a JPEG preview of that size."""
    image = picture if picture is not None else scene(size)
    ifd = sensor_ifd(image, linear)
    ifd.tags |= camera_tags(make, model, orientation)
    ifd.tags |= {
        50706: (BYTE, [1, 4, 0, 0]),
        50707: (BYTE, [1, 1, 0, 0]),
        50708: (ASCII, f"{make} {model}"),
        50721: (SRATIONAL, [3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570]),  # sRGB
        50728: (RATIONAL, [1, 1, 1]),
        50778: (SHORT, [21]),
    }
    ifd.children = exif_children(taken, gps)
    if preview is not None:
        ifd.children[330] = [preview_ifd(image.resize(preview))]
    return write(path, tiff_bytes(ifd))


def raw_header(
    kind: str, make: str = "", model: str = "X", taken: str = "2020:01:02 03:04:05", size: tuple[int, int] = (16, 16)
) -> bytes:
    """A RAW file of a few tags: enough to tell its kind and read its EXIF.

    LibRaw decodes NEF, ARW, PEF, SRW and CR2 built like this from a `size` of 96 x 64 on, the other kinds not.
    """
    if kind == "cr3":
        blocks = {b"CMT1": exif_block(make=make, model=model), b"CMT2": tiff_bytes(Ifd({0x9003: (ASCII, taken)}))}
        inner = b"".join(box(name, data) for name, data in blocks.items())
        metadata = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"), inner)
        return box(b"ftyp", b"crx ", bytes(4), b"crx isom") + box(b"moov", metadata) + box(b"mdat", bytes(64))
    if kind == "raf":
        jpeg = jpeg_bytes(quadrants(), exif=b"Exif\x00\x00" + exif_block(make=make, model=model, taken=taken))
        head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\x00") + struct.pack(">LL", 128, len(jpeg))
        return (
            (head + struct.pack(">LL", 0, 0) + struct.pack(">LL", 128 + len(jpeg), 64)).ljust(128, b"\x00")
            + jpeg
            + bytes(64)
        )
    sensor = sensor_ifd(quadrants(size), dtype=">u2" if kind == "nef" else "<u2")
    first = Ifd(camera_tags(make, model))
    first.children = {330: [sensor], **exif_children(taken, None)}
    magic = {"orf": b"IIRO", "rw2": b"IIU\x00"}.get(kind, b"MM\x00*" if kind == "nef" else b"II*\x00")
    return tiff_bytes(first, magic=magic, gap=b"CR\x02\x00" + bytes(4) if kind == "cr2" else b"")


def with_size(data: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header (JPEG, PNG, GIF, WEBP, JPEG 2000, TIFF, HEIC, AVIF), else as it was."""
    both = struct.pack(">LL", width, height)
    if data.startswith(b"\xff\xd8"):
        found = re.search(rb"\xff[\xc0\xc1\xc2]\x00.\x08", data, re.DOTALL)
        at = found.end() if found else 0
        return data[:at] + struct.pack(">HH", min(height, 65535), min(width, 65535)) + data[at + 4 :] if at else data
    if data.startswith(b"\x89PNG"):
        head = b"IHDR" + both + data[24:29]
        return data[:12] + head + struct.pack(">L", zlib.crc32(head)) + data[33:]
    if data.startswith(b"GIF8"):
        return data[:6] + struct.pack("<HH", min(width, 65535), min(height, 65535)) + data[10:]
    if data[8:12] == b"WEBP":
        extended = (
            b"VP8X" + struct.pack("<LL", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        )
        return data[:4] + struct.pack("<L", len(data) - 8 + 18) + b"WEBP" + extended + data[12:]
    if (at := data.find(b"ihdr")) > 0:
        data = data[: at + 4] + struct.pack(">LL", height, width) + data[at + 12 :]
        siz = data.find(b"\xff\x4f\xff\x51") + 8
        return data[:siz] + both + data[siz + 8 :]
    if data.startswith(b"II*\x00"):
        for tag, value in ((256, width), (257, height)):
            data = re.sub(
                re.escape(struct.pack("<H", tag)) + rb"[\x03\x04]\x00\x01\x00\x00\x00....",
                lambda _, t=tag, v=value: struct.pack("<HHLL", t, 4, 1, v),
                data,
                flags=re.DOTALL,
            )
        return data
    return re.sub(rb"ispe\x00{4}.{8}", lambda _: b"ispe" + bytes(4) + both, data, flags=re.DOTALL)


def mutate(source: bytes, seed: int) -> bytes:
    """Break a file, alike for the same seed: cut off, bits flipped, zeroed, shortened, grown, huge header, or junk."""
    rng = random.Random(seed)
    data = bytearray(source)
    kind = seed % 8
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    if kind == 1:
        for _ in range(rng.randint(1, 40)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:  # in the header, where the structure is
        for _ in range(rng.randint(1, 12)):
            data[rng.randrange(min(len(data), 400))] = rng.randrange(256)
    elif kind == 3:
        start = rng.randrange(len(data))
        length = rng.randint(1, max(1, len(data) // 4))
        data[start : start + length] = bytes(len(data[start : start + length]))
    elif kind == 4:
        return with_size(source, 40_000, 40_000)
    elif kind == 5:
        start, end = sorted(rng.randrange(len(data)) for _ in range(2))
        del data[start:end]
    elif kind == 6:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.randint(1, 64))
    else:
        return rng.choice([b"", bytes(len(source)), rng.randbytes(len(source)), source[:1]])
    return bytes(data)
