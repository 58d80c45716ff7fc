"""Turns a photo's embedded EXIF, IPTC and XMP into `PhotoFacts`; a field that cannot be read is None."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from urbextag.records import PhotoFacts

# EXIF 2.32 tags
_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112
_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED = 0x9003, 0x9004
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE = 1, 2, 3, 4, 5, 6
_IPTC_KEYWORDS = (2, 25)
_IPTC_CHARSET = (1, 90)

_DC_SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
_RDF_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_DRONE_NAMESPACES = (
    ("http://www.dji.com/drone-dji/", "DJI"),
    ("http://www.parrot.com/drone-parrot/", "Parrot"),
    ("https://www.skydio.com/drone-skydio/", "Skydio"),
)
_DRONE_MAKERS = (
    ("dji", "DJI"),
    ("autel", "Autel"),
    ("parrot", "Parrot"),
    ("skydio", "Skydio"),
    ("yuneec", "Yuneec"),
    ("sensefly", "senseFly"),
    ("hubsan", "Hubsan"),
    ("fimi", "FIMI"),
    ("potensic", "Potensic"),
)
# DJI's drones with a camera of its partner call themselves Hasselblad L1D-20c, L2D-20c
_HASSELBLAD_DRONE = re.compile(r"^L\dD-\d+c", re.IGNORECASE)
# DJI's cameras for the hand: Osmo (HG310, OT110), Osmo Action (AC001), Pocket (PP-101), Ronin 4D
_HAND_HELD = re.compile(r"osmo|pocket|action|ronin|^(HG|OT|AC|PP)-?\d", re.IGNORECASE)

MAX_KEYWORDS = 500
MAX_KEYWORD_LENGTH = 200
MAX_XMP_BYTES = 4 << 20

FIELD_FAULTS = (OSError, SyntaxError, ValueError, EOFError, struct.error, TypeError, LookupError, ArithmeticError)
"""What Pillow and the conversions below raise on metadata that is broken; found by mutating EXIF blocks."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The metadata blocks of one file, as far as they could be found; values are parsed when they are asked for."""

    base: Mapping[int, Any] = field(default_factory=dict)
    """EXIF IFD0."""
    exif: Mapping[int, Any] = field(default_factory=dict)
    """EXIF sub-directory."""
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: bytes | None = None
    iptc: Mapping[tuple[int, int], bytes | list[bytes]] = field(default_factory=dict)


def facts_of(kind: str, width: int, height: int, embedded: Embedded) -> PhotoFacts:
    """Put the facts together.

    Args:
        kind: the format, one of `sniff.FORMATS`.
        width: pixels, orientation applied.
        height: pixels, orientation applied.
        embedded: the file's metadata blocks.

    """
    make, model = _text(embedded.base, _MAKE), _text(embedded.base, _MODEL)
    subjects, xmp_drone = read_xmp(embedded.xmp)
    latitude = _degrees(embedded.gps, _LATITUDE, _LATITUDE_REF, 90)
    longitude = _degrees(embedded.gps, _LONGITUDE, _LONGITUDE_REF, 180)
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):  # 0, 0: written without a fix
        latitude = longitude = None
    return PhotoFacts(
        format=kind,
        width=width,
        height=height,
        taken=_moment(embedded.exif),
        camera_make=make,
        camera_model=model,
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(embedded.gps),
        drone_make=drone_maker(make, model, xmp_drone),
        keywords=_keywords([*_iptc_keywords(embedded.iptc), *subjects]),
    )


def orientation_of(base: Mapping[int, Any]) -> int:
    """The EXIF orientation, 1 to 8; 1 where the file does not say or says nonsense."""
    value = _value(base, _ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def drone_maker(make: str | None, model: str | None, xmp_maker: str | None = None) -> str | None:
    """The maker of the drone that carries this camera, None for a camera on the ground.

    Args:
        make: EXIF Make.
        model: EXIF Model.
        xmp_maker: the maker whose drone namespace the XMP uses.

    """
    if model is not None and _HAND_HELD.search(model):
        return None
    if model is not None and _HASSELBLAD_DRONE.match(model):
        return "DJI"
    name = (make or "").lower()
    return next((maker for prefix, maker in _DRONE_MAKERS if name.startswith(prefix)), xmp_maker)


def read_xmp(packet: bytes | None) -> tuple[list[str], str | None]:
    """The dc:subject items and the drone maker whose namespace is used, of one XMP packet (ISO 16684-1).

    Parsed with defusedxml: entities and external references are refused. A packet that is no XML, or that is larger
    than `MAX_XMP_BYTES`, says nothing.
    """
    if not packet or len(packet) > MAX_XMP_BYTES:
        return [], None
    from defusedxml.ElementTree import fromstring

    start, end = packet.find(b"<"), packet.rfind(b">") + 1
    try:  # ParseError is a SyntaxError, defusedxml's refusals are ValueErrors
        root = fromstring(packet[start:end])
    except (SyntaxError, ValueError, LookupError):
        return [], None
    names = {name for element in root.iter() for name in (element.tag, *element.attrib) if isinstance(name, str)}
    used = (maker for space, maker in _DRONE_NAMESPACES if any(name.startswith("{" + space) for name in names))
    items = [item.text or "" for subject in root.iter(_DC_SUBJECT) for item in subject.iter(_RDF_ITEM)]
    return items, next(used, None)


def _value(tags: Mapping[int, Any], tag: int) -> Any:
    """One tag's value, single values unpacked; None where it is missing or cannot be parsed."""
    try:
        value = tags.get(tag)
    except FIELD_FAULTS:
        return None
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _text(tags: Mapping[int, Any], tag: int) -> str | None:
    value = _value(tags, tag)
    if isinstance(value, bytes):
        value = _decoded(value)
    return _clean(value) or None if isinstance(value, str) else None


def _clean(text: str) -> str:
    """Printable characters of `text` up to the first NUL, white space folded."""
    text = text.partition("\x00")[0]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _decoded(data: bytes) -> str:
    """UTF-8, or Latin-1, which every byte has: old cameras and IPTC writers name no charset."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _moment(exif: Mapping[int, Any]) -> str | None:
    """When the picture was taken. IFD0's DateTime is left out: it is when the file was changed."""
    for tag in (_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED):
        match = re.match(r"(\d{4})[:\-/.](\d{2})[:\-/.](\d{2})[ T](\d{2}):(\d{2}):(\d{2})", _text(exif, tag) or "")
        if match is None:
            continue
        try:
            return datetime(*(int(part) for part in match.groups())).isoformat()  # type: ignore[arg-type]
        except ValueError:  # 0000:00:00, or a day that the month has not
            continue
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except FIELD_FAULTS:
        return None
    return number if math.isfinite(number) else None


def _degrees(gps: Mapping[int, Any], tag: int, reference: int, limit: float) -> float | None:
    """Signed degrees from degrees, minutes and seconds; south and west are negative."""
    value, side = _value(gps, tag), (_text(gps, reference) or "").upper()
    if not isinstance(value, tuple) or len(value) != 3 or side not in {"N", "S", "E", "W"}:
        return None
    parts = [_number(part) for part in value]
    # some cameras leave unused minutes or seconds as 0/0
    degrees = parts[0]
    if degrees is None:
        return None
    total = degrees + (parts[1] or 0) / 60 + (parts[2] or 0) / 3600
    if not 0 <= total <= limit:
        return None
    return round(-total if side in {"S", "W"} else total, 7)


def _altitude(gps: Mapping[int, Any]) -> float | None:
    number = _number(_value(gps, _ALTITUDE))
    if number is None:
        return None
    below = _value(gps, _ALTITUDE_REF) in (1, 3, b"\x01", b"\x03")  # 3: below the ellipsoid, EXIF 3.0
    return round(-number if below else number, 2)


def _iptc_keywords(iptc: Mapping[tuple[int, int], bytes | list[bytes]]) -> Iterable[str]:
    """IPTC-IIM 2:25 (Keywords); 1:90 names the charset, and `ESC % G` is UTF-8."""
    values = iptc.get(_IPTC_KEYWORDS, [])
    utf8 = iptc.get(_IPTC_CHARSET) == b"\x1b%G"
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, bytes):  # Pillow gives None for a record of length 0
            continue
        yield value.decode("utf-8", errors="replace") if utf8 else _decoded(value)


def _keywords(words: Iterable[str]) -> tuple[str, ...]:
    """In order, without repeats (case apart), at most `MAX_KEYWORDS`; a text beyond the length is no keyword."""
    kept: dict[str, str] = {}
    for word in map(_clean, words):
        if word and len(word) <= MAX_KEYWORD_LENGTH:
            kept.setdefault(word.casefold(), word)
        if len(kept) == MAX_KEYWORDS:
            break
    return tuple(kept.values())
