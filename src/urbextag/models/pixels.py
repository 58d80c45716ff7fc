"""Photo pixels -> the pixel values that a vision encoder takes, exactly as transformers' image processors make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from urbextag.models.catalogue import Family, ImageSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Resample = Literal["bilinear", "bicubic"]

RESAMPLE: Mapping[Family, Resample] = {
    "siglip": "bicubic",
    "siglip2": "bilinear",
    "clip": "bicubic",
    "florence2": "bicubic",
}
"""`resample` in the preprocessor_config.json of each family's published checkpoints (3 = bicubic, 2 = bilinear)."""

_LONGEST_STRIP = 16
"""Longer side over shorter side beyond which a photo is not scaled whole only to throw most of it away."""


def prepare(
    pictures: Sequence[NDArray[np.uint8]], spec: ImageSpec, resample: Resample = "bicubic"
) -> NDArray[np.float32]:
    """Pixel values for photos of any size: resized, scaled to [0, 1], then `(x - mean) / std` per channel.

    The same numbers, to the bit, as `SiglipImageProcessor` (squash) and `CLIPImageProcessor` (crop) of transformers
    give on their Pillow backend, in a hundredth of the time. Strips beyond 16 : 1 that are to be cropped are sampled
    from that square alone, which spares hundreds of megabytes and may differ by a level or two of 255.

    Args:
        pictures: n times uint8 (height, width, 3), RGB, each side at least 1 px.
        spec: size, way of resizing, mean and std.
        resample: filter; both average over the source pixels when they scale down.

    Returns:
        float32 (n, 3, size, size), contiguous.

    Raises:
        ValueError: a picture is not uint8 (height, width, 3) or has no pixels.

    """
    import numpy as np

    values = np.empty((len(pictures), 3, spec.size, spec.size), np.float32)
    table = _levels(spec.mean, spec.std)
    for picture, target in zip(pictures, values, strict=True):
        levels = np.asarray(_resized(picture, spec, resample))
        for channel in range(3):
            np.take(table[channel], levels[..., channel], out=target[channel], mode="clip")
    return values


@lru_cache(maxsize=8)
def _levels(mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[np.float32]:
    """float32 (3, 256): the value of each level of each channel, rounded where transformers rounds."""
    import numpy as np

    scaled = (np.arange(256, dtype=np.float64) * (1 / 255)).astype(np.float32)
    return (scaled - np.array(mean, np.float32)[:, np.newaxis]) / np.array(std, np.float32)[:, np.newaxis]


def _resized(picture: NDArray[np.uint8], spec: ImageSpec, resample: Resample) -> Image:
    """The photo at (size, size)."""
    import numpy as np
    from PIL import Image

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"expected uint8 (height, width, 3), found {picture.dtype} {picture.shape}")
    image = Image.fromarray(picture)
    way = Image.Resampling[resample.upper()]
    size = spec.size
    if spec.resize == "squash":
        return image.resize((size, size), way)
    shorter, longer = sorted(image.size)
    scaled = int(size * longer / shorter)  # rounded down, as transformers does
    width, height = (size, scaled) if image.width <= image.height else (scaled, size)
    left, top = (width - size) // 2, (height - size) // 2
    if longer <= _LONGEST_STRIP * shorter:
        return image.resize((width, height), way).crop((left, top, left + size, top + size))
    across, down = image.width / width, image.height / height
    square = (left * across, top * down, (left + size) * across, (top + size) * down)
    return image.resize((size, size), way, box=square)
