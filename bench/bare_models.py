"""The floor that the model stages are held against: decode and ONNX Runtime in a plain loop, nothing else.

`python -m bench.bare_models siglip-base` prints the figures as JSON, in a process of its own: its peak memory is that
of the bare models.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import full_size
from urbextag.choices import PRECISIONS, Precision
from urbextag.models.installed import Installed, installed

MIB = 2**20
TASKS = ("<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>")


@dataclass(frozen=True)
class BareScene:
    """Seconds a photo, medians."""

    decode: float
    encode: float
    load: float
    """Seconds until the model can be asked."""
    peak_mib: float

    @property
    def photo(self) -> float:
        """Decode and encode of one photo."""
        return self.decode + self.encode


@dataclass(frozen=True)
class BareTags:
    """Seconds for one photo."""

    vision: float
    encoder: float
    """All tasks."""
    steps: float
    """All tokens of all tasks."""
    tokens: int
    load: float
    peak_mib: float

    @property
    def photo(self) -> float:
        """One vision pass, an encoder pass a task, all token steps."""
        return self.vision + self.encoder + self.steps


def siglip(model: Installed, photos: Sequence[Path], threads: int) -> BareScene:
    """Pillow's draft mode at twice the target, bicubic, one session run, photo by photo; after one to warm up."""
    import numpy as np
    from PIL import Image

    size = model.spec.image.size
    session, load = _session(model, "vision_model", threads)
    decoding, encoding = [], []
    for path in [photos[0], *photos]:
        started = time.perf_counter()
        with Image.open(path) as picture:
            picture.draft("RGB", (2 * size, 2 * size))
            small = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        values = (np.asarray(small, np.float32) / 127.5 - 1).transpose(2, 0, 1)[np.newaxis]
        decoded = time.perf_counter()
        session.run(None, {"pixel_values": np.ascontiguousarray(values)})
        decoding.append(decoded - started)
        encoding.append(time.perf_counter() - decoded)
    return BareScene(statistics.median(decoding[1:]), statistics.median(encoding[1:]), load, peak_mib())


def florence(model: Installed, threads: int, tasks: Sequence[str] = TASKS, tokens: int = 100) -> BareTags:
    """Greedy, exactly `tokens` tokens a task; the vision pass on a picture of noise, after one to warm up."""
    import numpy as np
    from tokenizers import Tokenizer

    generation = model.spec.generation
    if generation is None:
        raise SystemExit(f"{model.spec.name} generates no text")
    loading = time.perf_counter()
    names = ("vision_encoder", "embed_tokens", "encoder_model", "decoder")
    vision, embed, encoder, decoder = (_session(model, name, threads)[0] for name in names)
    loaded = time.perf_counter() - loading
    tokenizer = Tokenizer.from_file(str(model.parts["tokenizer"]))
    side = model.spec.image.size
    pixels = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    vision.run(None, {"pixel_values": pixels})
    started = time.perf_counter()
    (features,) = vision.run(None, {"pixel_values": pixels})
    seen = time.perf_counter() - started
    encoding = stepping = 0.0
    for task in tasks:
        started = time.perf_counter()
        (prompt,) = embed.run(None, {"input_ids": np.array([tokenizer.encode(generation.tasks[task]).ids])})
        joined = np.concatenate([features, prompt], axis=1)
        mask = np.ones(joined.shape[:2], np.int64)
        _, *cross = encoder.run(None, {"attention_mask": mask, "inputs_embeds": joined})
        encoded = time.perf_counter()
        _steps(embed, decoder, cross, mask, generation.decoder_start_id, tokens)
        encoding += encoded - started
        stepping += time.perf_counter() - encoded
    return BareTags(seen, encoding, stepping, tokens * len(tasks), loaded, peak_mib())


def _steps(embed: Any, decoder: Any, cross: Sequence[Any], mask: Any, token: int, tokens: int) -> None:
    import numpy as np

    sides = [(layer, kind) for layer in range(len(cross) // 2) for kind in ("key", "value")]
    own = [f"past_key_values.{layer}.decoder.{kind}" for layer, kind in sides]
    fixed = {
        f"past_key_values.{layer}.encoder.{kind}": value for (layer, kind), value in zip(sides, cross, strict=True)
    }
    empty = np.zeros((1, cross[0].shape[1], 0, cross[0].shape[3]), np.float32)
    feeds: dict[str, Any] = {"encoder_attention_mask": mask, **fixed, **dict.fromkeys(own, empty)}
    for _ in range(tokens):
        (feeds["inputs_embeds"],) = embed.run(None, {"input_ids": np.array([[token]])})
        logits, *present = decoder.run(None, feeds)
        feeds.update(zip(own, present, strict=True))
        token = int(logits[0, -1].argmax())


def _session(model: Installed, part: str, threads: int) -> tuple[Any, float]:
    """ONNX Runtime as it comes, but for the number of threads; and the seconds it took."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(model.parts[part], options, providers=["CPUExecutionProvider"])
    return session, time.perf_counter() - started


def peak_mib() -> float:
    """Largest resident memory of this process so far; the kernel counts bytes on macOS and KiB elsewhere."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / MIB if sys.platform == "darwin" else peak / 1024)


def main() -> None:
    """Measure one model of `full_size` that was exported before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(full_size.MAKERS))
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=100)
    arguments = parser.parse_args()
    precision: Precision = arguments.precision
    model = installed(full_size.MODELS, arguments.name, precision)
    found: BareScene | BareTags = (
        siglip(model, full_size.photos(arguments.photos), arguments.threads)
        if model.spec.role == "scene"
        else florence(model, arguments.threads, tokens=arguments.tokens)
    )
    print(json.dumps({**asdict(found), "photo": found.photo}))


if __name__ == "__main__":
    main()
