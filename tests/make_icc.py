"""Builds small ICC matrix profiles from primaries and a gamma; for tests only."""

from __future__ import annotations

import struct

import numpy as np

Primaries = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
SRGB: Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
PRO_PHOTO: tuple[Primaries, float] = (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), 1.8)
_D65 = (0.3127, 0.3290)
_BRADFORD_D65_TO_D50 = np.array(
    [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491], [-0.0092345, 0.0150436, 0.7521316]]
)


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def icc_profile(primaries: Primaries = SRGB, gamma: float = 2.2) -> bytes:
    """An RGB display profile (ICC.1:2010 section 8.3) with white D65."""
    matrix = np.array([_xyz(*p) for p in primaries]).T
    matrix = _BRADFORD_D65_TO_D50 @ (matrix * np.linalg.solve(matrix, _xyz(*_D65)))
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T, strict=True))
    curve = b"curv" + bytes(4) + struct.pack(">LH", 1, round(gamma * 256)) + bytes(2)
    name = b"test"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">L", len(name) + 1) + name + bytes(1 + 78),
        b"cprt": b"text" + bytes(4) + b"none\x00",
        b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1, 0.8249),
        **{tag: b"XYZ " + bytes(4) + _fixed(*column) for tag, column in columns.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">L", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">LL", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">L4sL4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\x00") + table + body
