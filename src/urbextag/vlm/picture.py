"""The picture as it is sent: any photo as a JPEG of bounded size, upright and without metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.images import Limits, open_photo

if TYPE_CHECKING:
    from PIL import Image

LEAST_PX = 64
"""Shortest side of what is sent. Below two patches (28 or 32 px), and where one side is more than 200 times the other,
Qwen-VL's image processor refuses, and Ollama's runner panics on it (ollama#11297, #13113): panoramas get there."""
_GREY = (128, 128, 128)


def encode(path: Path, limits: Limits, longest_px: int, quality: int) -> bytes:
    """A photo as JPEG for a VLM.

    Nothing but pixels is sent: no EXIF, position, profile or comment. A picture with a side below `LEAST_PX` is not
    scaled up but laid in the middle of mid-grey.

    Args:
        path: the photo, of any format that can be read.
        limits: what it may cost.
        longest_px: pixels of the longer side at most; never scaled up.
        quality: of the JPEG, 50 to 100.

    Raises:
        PhotoError: empty, gone, forbidden, unsupported, truncated, damaged or too large.
    """
    from PIL import Image

    picture = Image.fromarray(open_photo(path, longest_px, limits)[1])
    if min(picture.size) < LEAST_PX:
        picture = _padded(picture)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=quality)
    return encoded.getvalue()


def _padded(picture: Image.Image) -> Image.Image:
    from PIL import Image

    width, height = max(LEAST_PX, picture.width), max(LEAST_PX, picture.height)
    canvas = Image.new("RGB", (width, height), _GREY)
    canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return canvas
