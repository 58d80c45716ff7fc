"""Text embeddings of prompts, through a file that remembers them: only what no one has encoded yet is encoded."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from urbextag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 16
"""Prompts per call of the encoder: a larger batch is no faster on a processor, and progress is told after each."""
SAVED_EVERY = 512
"""Prompts after which the file is written: an interrupted run loses little."""
MOST_KEPT = 20_000
"""Prompts that the file keeps; beyond, those that were not asked for are dropped. About 60 MB for 768 dimensions."""
_NORM_TOLERANCE = 0.01
_REMEDY = "Pull the model again: urbextag models pull NAME"

_log = logging.getLogger(__name__)


class TextEncoder(Protocol):
    """The text half of a dual encoder."""

    def load(self) -> None:
        """Open the model; raises ModelError."""
        ...

    def encode(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings (prompts, dimensions), L2-normalised."""
        ...


def encode_prompts(
    prompts: Iterable[str],
    identity: str,
    encoder: Callable[[], TextEncoder],
    cache: Path,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, NDArray[np.float32]]:
    """The embedding of each prompt, float32 (dimensions,), L2-normalised.

    Args:
        prompts: texts; one that stands twice is encoded once.
        identity: name, revision and precision of the model; embeddings of another identity are never mixed in.
        encoder: makes the text encoder; called, and the model loaded, only if a prompt is not in the file.
        cache: folder of the files; made where missing.
        told: hears how many of the prompts that had to be encoded are done, first with 0; not called if none had to be.

    Raises:
        ModelError: the encoder fails, or gives what is no embedding.
    """
    wanted = list(dict.fromkeys(prompts))
    path = cache / f"prompts-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npz"
    known = _read(path, identity)
    missing = [prompt for prompt in wanted if prompt not in known]
    if missing:
        told(0, len(missing))
        model = encoder()
        model.load()
        size = next(iter(known.values())).size if known else None
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            known.update(zip(batch, _checked(model.encode(batch), len(batch), size), strict=True))
            done = start + len(batch)
            if done == len(missing) or done // SAVED_EVERY > start // SAVED_EVERY:
                _write(path, identity, _kept(known, wanted))
            told(done, len(missing))
    return {prompt: known[prompt] for prompt in wanted}


def _checked(found: NDArray[np.float32], count: int, size: int | None) -> NDArray[np.float32]:
    """The encoder's answer, if it is one embedding per prompt and as long as those known before."""
    import numpy as np

    if found.ndim != 2 or len(found) != count or (size is not None and found.shape[1] != size):
        wanted = f"({count}, {size if size is not None else 'dimensions'})"
        raise ModelError(f"The text encoder gave {found.shape}, expected {wanted}", _REMEDY)
    norms = np.linalg.norm(found, axis=1)
    if not np.all(np.abs(norms - 1.0) <= _NORM_TOLERANCE):  # false for NaN as well
        raise ModelError("The text encoder gave vectors that are not of length 1", _REMEDY)
    return np.ascontiguousarray(found, np.float32)


def _kept(known: dict[str, NDArray[np.float32]], wanted: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    if len(known) <= MOST_KEPT:
        return known
    return {prompt: known[prompt] for prompt in wanted if prompt in known}


def _read(path: Path, identity: str) -> dict[str, NDArray[np.float32]]:
    """What the file holds; nothing where it is missing or damaged, for all of it can be made again."""
    import numpy as np

    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            vectors = file["vectors"]
        prompts, named = about["prompts"], about["identity"]
        sound = (
            named == identity
            and vectors.dtype == np.float32
            and vectors.shape == (len(prompts), vectors.shape[-1])
            and bool(np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1.0) <= _NORM_TOLERANCE))
        )
    except FileNotFoundError:
        return {}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        _log.warning("%s is damaged (%s); its prompts are encoded again", path, error)
        return {}
    if not sound:
        _log.warning("%s does not hold what it says; its prompts are encoded again", path)
        return {}
    return dict(zip(prompts, vectors, strict=True))


def _write(path: Path, identity: str, known: dict[str, NDArray[np.float32]]) -> None:
    """Put the file in place of the one before, whole or not at all; a full disk costs time, not results."""
    import numpy as np

    about = json.dumps({"identity": identity, "prompts": list(known)}).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, about=np.frombuffer(about, np.uint8), vectors=np.stack(list(known.values())))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be written (%s); its prompts will be encoded again", path, error)
