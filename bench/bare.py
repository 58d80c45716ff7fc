"""The floor that `tag` is held against: decode and model calls on the same photos in a plain loop, nothing kept."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from urbextag.records import PhotoFacts, PhotoRef
from urbextag.stages.base import Kit, Shot, Stage
from urbextag.stages.imagenet import ImagenetOptions, ImagenetStage
from urbextag.stages.ocr import OcrOptions, OcrStage
from urbextag.taxonomy import load_taxonomy

LONGEST_PX = 1280


def main(folder: Path, threads: int) -> None:
    """Decode with Pillow's draft mode, read text, classify."""
    kit = Kit(load_taxonomy(), threads)
    models: list[Stage] = [OcrStage(OcrOptions(), kit), ImagenetStage(ImagenetOptions(), kit)]
    for model in models:
        model.load()
    for path in sorted(folder.iterdir()):
        with Image.open(path) as picture:
            picture.draft("RGB", (2 * LONGEST_PX, 2 * LONGEST_PX))
            picture.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.BICUBIC)
            pixels = np.asarray(picture.convert("RGB"))
        shot = Shot(PhotoRef(path.stem, str(path)), PhotoFacts("jpeg", *picture.size), pixels, {})
        for model in models:
            model.run([shot])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
