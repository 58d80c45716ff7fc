"""From a Pillow picture of any mode to upright 8-bit sRGB pixels of the wanted size."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageCms import ImageCmsTransform

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_BAND = 256
"""Rows that are converted at a time."""

_SHIFT_WORTH_CONVERTING = 15.0
"""Mean change over the RGB cube, of 255, above which a profile is applied. Display P3 and Adobe RGB (9 to 10) stay
below: on a photo they change pixels by 2 of 255 on average, and lcms2 takes as long for that as a fifth of the
decode. ProPhoto RGB (22) would look washed out."""


def scaled_size(width: int, height: int, longest_px: int) -> tuple[int, int]:
    """Width and height brought down to `longest_px` on the longer side, proportions kept; never larger."""
    scale = min(1.0, longest_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def to_pixels(image: Image.Image, orientation: int, longest_px: int) -> NDArray[np.uint8]:
    """Scale, lay on white, convert to sRGB and turn upright.

    Args:
        image: any mode; it is loaded here if it is not yet.
        orientation: EXIF orientation (1 to 8) that the picture still needs.
        longest_px: pixels of the longer side of the result at most.

    Returns:
        (height, width, 3) uint8 RGB, C-contiguous.

    Raises:
        OSError and other classes listed in `faults.py`: the pixels cannot be decoded.

    """
    import numpy as np
    from PIL import Image

    image.load()
    profile = image.info.get("icc_profile")
    simple = _resizable(image)
    size = scaled_size(simple.width, simple.height, longest_px)
    if size != simple.size:
        # reducing_gap: whole-number box reduction first while that keeps twice the size, then antialiased bicubic
        simple = simple.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    upright = _upright(_rgb(simple, profile), orientation)
    return np.ascontiguousarray(np.asarray(upright), dtype=np.uint8).copy()


def _resizable(image: Image.Image) -> Image.Image:
    """The picture in an 8-bit mode that can be interpolated: L, RGB, RGBA, CMYK or LAB."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image)
    if image.mode in {"LA", "La", "PA", "RGBa", "RGBA"} or "transparency" in image.info:
        return image.convert("RGBA") if image.mode != "RGBA" else image
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "RGB", "CMYK", "LAB"} else image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Greyscale of 16 or 32 bit, or float, as L.

    16 bit: by the bits per sample that a TIFF names, else 16. 32-bit integers and floats outside [0, 1]: their own
    extremes become black and white, since nothing says which values mean that.
    """
    import numpy as np
    from PIL import Image

    tags = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    low, high = _value_range(image.mode, values, tags)
    grey = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _BAND):  # in bands: a float copy of the whole would double the peak
        band = values[top : top + _BAND].astype(np.float32)
        np.nan_to_num(band, copy=False, nan=low, posinf=high, neginf=low)
        scaled = (band - low) * (255.0 / (high - low) if high > low else 0.0)
        grey[top : top + _BAND] = np.clip(scaled + 0.5, 0, 255)
    if image.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == 0:  # WhiteIsZero: Pillow inverts 8 bit only
        np.subtract(255, grey, out=grey)
    return Image.fromarray(grey)


def _value_range(mode: str, values: NDArray[Any], tags: Mapping[int, Any]) -> tuple[float, float]:
    """The values that are black and white in a greyscale picture of more than 8 bits."""
    import numpy as np

    if mode.startswith("I;16"):
        bits = tags.get(_BITS_PER_SAMPLE, 16)
        return 0.0, float(2 ** (bits[0] if isinstance(bits, tuple) else bits) - 1)
    low, high = float(np.nanmin(values, initial=np.inf)), float(np.nanmax(values, initial=-np.inf))
    if mode == "F" and not np.isfinite([low, high]).all():
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low >= 0 and high <= (1 if mode == "F" else 65535):  # I: a 16-bit picture that Pillow widened
        return 0.0, 1.0 if mode == "F" else 65535.0
    return low, high


def _rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB as far as `_SHIFT_WORTH_CONVERTING` asks for it, transparency laid on white."""
    from PIL import Image, ImageCms

    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if image.mode == "LAB":
        profile = _lab_profile()
    transform = _transform(profile, image.mode) if profile and image.mode != "L" else None
    if transform is not None:
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None  # only None when done in place
        return converted
    return image.convert("RGB")


@lru_cache(maxsize=1)
def _lab_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """The conversion to sRGB; kept per profile, since the photos of one camera share theirs.

    None where it would change little, or lcms2 refuses the profile (damaged, or made for another colour mode).
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return transform if mode != "RGB" or _shift(transform) > _SHIFT_WORTH_CONVERTING else None


def _shift(transform: ImageCmsTransform) -> float:
    """Mean absolute change that a transform makes over a 6 x 6 x 6 grid of the RGB cube, of 255."""
    import numpy as np
    from PIL import Image, ImageCms

    steps = np.linspace(0, 255, 6).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(36, 6, 3)
    converted = ImageCms.applyTransform(Image.fromarray(grid), transform)
    return float(np.abs(np.asarray(converted, dtype=np.int16) - grid).mean())


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as the EXIF orientation says that it is to be seen (EXIF 2.32, tag 0x0112)."""
    from PIL.Image import Transpose

    turns: dict[int, Any] = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image
