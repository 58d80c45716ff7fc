"""The package's own encoders on the full-size models, one photo after another: what `bare_models` is the floor of.

`python -m bench.own_models siglip-base` prints the figures as JSON, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import full_size
from bench.bare_models import TASKS, peak_mib
from urbextag.choices import PRECISIONS, Precision
from urbextag.models.installed import Installed, installed


@dataclass(frozen=True)
class Own:
    """Seconds a photo, median, and what it took."""

    photo: float
    load: float
    """Seconds until the model can be asked."""
    peak_mib: float


def siglip(model: Installed, photos: Sequence[Path], threads: int) -> Own:
    """Decode and `ImageEncoder.encode` of each photo, after one to warm up."""
    from urbextag.images import decode
    from urbextag.models.dual_encoder import ImageEncoder

    started = time.perf_counter()
    encoder = ImageEncoder(model, threads)
    encoder.load()
    load = time.perf_counter() - started
    seconds = []
    for path in [photos[0], *photos]:
        started = time.perf_counter()
        encoder.encode([decode(path, encoder.needs_px)])
        seconds.append(time.perf_counter() - started)
    return Own(statistics.median(seconds[1:]), load, peak_mib())


def florence(
    model: Installed, photos: Sequence[Path], threads: int, tasks: Sequence[str] = TASKS, tokens: int = 100
) -> Own:
    """Decode, one look, greedy answers of exactly `tokens` tokens to all tasks; after one look to warm up.

    The length is what the limit makes it: the seeded random weights never end a text, and another length stops the run.
    """
    from urbextag.images import decode
    from urbextag.models.florence import Florence

    started = time.perf_counter()
    reader = Florence(model, threads)
    reader.load()
    load = time.perf_counter() - started
    seconds = []
    reader.look(decode(photos[0], model.spec.image.size))
    for path in photos:
        started = time.perf_counter()
        features = reader.look(decode(path, model.spec.image.size))
        for task in tasks:
            answer = reader.answer(features, task, max_new_tokens=tokens)
            if answer.tokens != tokens:
                raise SystemExit(f"{path.name} {task}: {answer.tokens} tokens ({answer.stopped}) in place of {tokens}")
        seconds.append(time.perf_counter() - started)
    return Own(statistics.median(seconds), load, peak_mib())


def main() -> None:
    """Measure one model of `full_size` that was exported before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(full_size.MAKERS))
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=100)
    arguments = parser.parse_args()
    precision: Precision = arguments.precision
    model = installed(full_size.MODELS, arguments.name, precision)
    photos = full_size.photos(arguments.photos)
    if model.spec.role == "scene":
        found = siglip(model, photos, arguments.threads)
    else:
        found = florence(model, photos, arguments.threads, tokens=arguments.tokens)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
