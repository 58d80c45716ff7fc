"""The usual way to run the same models: transformers, fp32, the whole photo decoded, the processor, photo by photo.

Run with the extra [export]: `python -m bench.usual siglip-base`; prints the figures as JSON, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import full_size
from bench.bare_models import TASKS, peak_mib


@dataclass(frozen=True)
class Usual:
    """Seconds a photo, median, and what it took."""

    photo: float
    load: float
    """Seconds until the model can be asked."""
    peak_mib: float


def siglip(checkpoint: Path, photos: Sequence[Path], threads: int) -> Usual:
    """`SiglipModel.get_image_features` on each photo, after one to warm up."""
    import torch
    from PIL import Image
    from transformers import SiglipImageProcessorPil, SiglipModel

    torch.set_num_threads(threads)
    loading = time.perf_counter()
    model = SiglipModel.from_pretrained(checkpoint, local_files_only=True, dtype=torch.float32).eval()
    processor = SiglipImageProcessorPil.from_pretrained(checkpoint, local_files_only=True)
    load = time.perf_counter() - loading
    seconds = []
    with torch.no_grad():
        for path in [photos[0], *photos]:
            started = time.perf_counter()
            with Image.open(path) as picture:
                inputs = processor(images=picture.convert("RGB"), return_tensors="pt")
            features = model.get_image_features(**inputs).pooler_output
            (features / features.norm(dim=-1, keepdim=True)).numpy()
            seconds.append(time.perf_counter() - started)
    return Usual(statistics.median(seconds[1:]), load, peak_mib())


def florence(
    checkpoint: Path, photos: Sequence[Path], threads: int, tasks: Sequence[str] = TASKS, tokens: int = 100
) -> Usual:
    """`Florence2ForConditionalGeneration.generate` per task from the photo, greedy, exactly `tokens` tokens a task.

    The length is forced, for random weights end a text at once or never.
    """
    import torch
    from PIL import Image
    from transformers import AutoProcessor, Florence2ForConditionalGeneration

    torch.set_num_threads(threads)
    loading = time.perf_counter()
    model = Florence2ForConditionalGeneration.from_pretrained(
        checkpoint, local_files_only=True, dtype=torch.float32
    ).eval()
    processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=True)
    load = time.perf_counter() - loading
    length: dict[str, Any] = {"min_new_tokens": tokens, "max_new_tokens": tokens, "num_beams": 1, "do_sample": False}
    seconds = []
    with torch.no_grad():
        for path in photos:
            started = time.perf_counter()
            for task in tasks:
                with Image.open(path) as picture:
                    inputs = processor(text=task, images=picture.convert("RGB"), return_tensors="pt")
                ids = model.generate(**inputs, **length, no_repeat_ngram_size=0, early_stopping=False)
                if ids.shape[1] != tokens + 1:
                    raise SystemExit(f"{ids.shape[1] - 1} tokens in place of {tokens}")
                processor.batch_decode(ids, skip_special_tokens=False)
            seconds.append(time.perf_counter() - started)
    return Usual(statistics.median(seconds), load, peak_mib())


def main() -> None:
    """Measure one checkpoint of `full_size`, which has made it before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(full_size.MAKERS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=100)
    arguments = parser.parse_args()
    checkpoint = full_size.checkpoint(arguments.name)
    photos = full_size.photos(arguments.photos)
    if arguments.name.startswith("siglip"):
        found = siglip(checkpoint, photos, arguments.threads)
    else:
        found = florence(checkpoint, photos, arguments.threads, tokens=arguments.tokens)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
