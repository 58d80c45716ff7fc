"""Dual encoders (SigLIP, SigLIP2, CLIP) at run time: photos and prompts become vectors of one space."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import TextSpec
from urbextag.models.installed import Installed
from urbextag.models.layout import TextPorts, VisionPorts, remedy, text_ports, vision_ports, who
from urbextag.models.onnx_session import CPU, open_session, run
from urbextag.models.pixels import RESAMPLE, prepare
from urbextag.models.tokens import canonical, check_vocabulary, feeds_of, load_tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

_BATCH = 16
"""Items that other providers than the CPU get at a time. The CPU gets one: a batch is slower there, and with int8
weights one item's vector would depend on its neighbours, since ONNX Runtime takes one scale for all activations."""


class ImageEncoder:
    """The vision half. `encode` may be called from several threads at once, `load` and `unload` too."""

    def __init__(self, installed: Installed, threads: int, providers: Sequence[str] = (CPU,)) -> None:
        self._installed = installed
        self._threads = threads
        self._providers = tuple(providers)
        self._lock = threading.Lock()
        self._loaded: tuple[InferenceSession, VisionPorts] | None = None

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return self._installed.spec.name

    @property
    def identity(self) -> str:
        """Revision and precision: vectors of another identity do not compare with this one's."""
        return self._installed.identity

    @property
    def needs_px(self) -> int:
        """Longest side in pixels at which a photo is wanted: the short side of a 3:2 photo then has the model's size.

        Twice the size would decode 24 megapixels at a quarter instead of an eighth, which takes twice as long, and is
        gone after the resize.
        """
        return self._installed.spec.image.size * 3 // 2

    def load(self) -> None:
        """Open the model; a second call does nothing.

        Raises:
            ModelError: the file is missing, damaged or does not fit the family.

        """
        with self._lock:
            if self._loaded is None:
                path = self._installed.parts["vision_model"]
                session = open_session(
                    path, self._threads, remedy(self._installed), providers=self._providers, fixed_inputs=True
                )
                self._loaded = session, vision_ports(session, self._installed)

    def unload(self) -> None:
        """Give the memory back; an `encode` under way ends first on its own."""
        with self._lock:
            self._loaded = None

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One vector per photo.

        Args:
            pictures: n times uint8 (height, width, 3), RGB, of any size from 1 px.

        Returns:
            float32 (n, d), each row of length 1; (0, 0) for no photos.

        Raises:
            ModelError: the model cannot run or gives no numbers.

        """
        loaded = self._loaded
        if loaded is None:
            raise RuntimeError("ImageEncoder.load() was not called")
        session, ports = loaded
        family, spec = self._installed.spec.family, self._installed.spec.image
        step = _step(self._providers, ports.batches)
        rows = []
        for start in range(0, len(pictures), step):
            values = prepare(pictures[start : start + step], spec, RESAMPLE[family])
            feeds = {ports.pixels: values.astype(ports.pixels_type, copy=False)}
            rows.append(_vectors(session, ports.embeddings, feeds, self._installed, "vision_model"))
        return _stack(rows)


class TextEncoder:
    """The text half. `encode` may be called from several threads at once, `load` and `unload` too."""

    def __init__(self, installed: Installed, threads: int, providers: Sequence[str] = (CPU,)) -> None:
        if installed.spec.text is None or installed.spec.logit_scale is None:
            raise ModelError(
                f"{installed.spec.name} is no dual encoder: it has no text model", "Choose another model for scenes"
            )
        self._installed = installed
        self._text: TextSpec = installed.spec.text
        self._threads = threads
        self._providers = tuple(providers)
        self._lock = threading.Lock()
        self._loaded: tuple[InferenceSession, TextPorts, Tokenizer] | None = None
        self.logit_scale: float = installed.spec.logit_scale
        """Factor on cosines that the model was trained with, before softmax or sigmoid."""
        self.logit_bias: float = installed.spec.logit_bias or 0.0
        """Added after the factor; 0 for CLIP, which has none."""

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return self._installed.spec.name

    @property
    def identity(self) -> str:
        """Revision and precision: vectors of another identity do not compare with this one's."""
        return self._installed.identity

    def load(self) -> None:
        """Open the model and its tokenizer; a second call does nothing.

        Raises:
            ModelError: a file is missing, damaged or does not fit the family; or the tokenizer is another model's.

        """
        with self._lock:
            if self._loaded is None:
                path = self._installed.parts["text_model"]
                session = open_session(
                    path,
                    self._threads,
                    remedy(self._installed),
                    providers=self._providers,
                    fixed_inputs=self._text.pad_to_length,
                )
                ports = text_ports(session, self._installed)
                tokenizer = load_tokenizer(self._installed)
                if self._providers[0] == CPU:  # other providers give zeros in place of an error for an unknown token
                    check_vocabulary(session, ports, tokenizer, self._installed)
                self._loaded = session, ports, tokenizer

    def unload(self) -> None:
        """Give the memory back; an `encode` under way ends first on its own."""
        with self._lock:
            self._loaded = None

    def token_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """The token ids of each prompt with the ends added, cut at the model's length, not padded."""
        if self._loaded is None:
            raise RuntimeError("TextEncoder.load() was not called")
        return self._ids(self._loaded[2], prompts)

    def encode(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per prompt.

        Args:
            prompts: sentences in any case, with or without punctuation; beyond the model's length they are cut.

        Returns:
            float32 (n, d), each row of length 1; (0, 0) for no prompts.

        Raises:
            ModelError: the model cannot run or gives no numbers.

        """
        loaded = self._loaded
        if loaded is None:
            raise RuntimeError("TextEncoder.load() was not called")
        session, ports, tokenizer = loaded
        ids = self._ids(tokenizer, prompts)
        step = _step(self._providers, ports.batches)
        rows = []
        for start in range(0, len(ids), step):
            feeds = feeds_of(ids[start : start + step], ports, self._text)
            rows.append(_vectors(session, ports.embeddings, feeds, self._installed, "text_model"))
        return _stack(rows)

    def _ids(self, tokenizer: Tokenizer, prompts: Sequence[str]) -> list[list[int]]:
        # One by one: `encode_batch` would start threads of its own, and a prompt takes microseconds.
        return [tokenizer.encode(canonical(prompt, self._installed)).ids for prompt in prompts]


def check(installed: Installed) -> None:
    """Open both halves and run each once, on the CPU; see `layout.check`."""
    import numpy as np

    size = installed.spec.image.size
    images = ImageEncoder(installed, threads=1)
    images.load()
    image = images.encode([np.full((size, size, 3), 127, np.uint8)])
    images.unload()
    texts = TextEncoder(installed, threads=1)
    texts.load()
    text = texts.encode(["a photo of an abandoned building"])
    if image.shape != text.shape:
        raise ModelError(
            f"{installed.spec.name} {installed.precision} does not fit together: expected vectors of one length, "
            f"found {image.shape[1]} from the vision model and {text.shape[1]} from the text model",
            remedy(installed),
        )


def _vectors(
    session: InferenceSession, output: str, feeds: dict[str, NDArray[Any]], installed: Installed, part: str
) -> NDArray[np.float32]:
    """The embeddings of one run, float32 (n, d), brought to length 1."""
    import numpy as np

    raw = run(session, [output], feeds, who(installed, part), remedy(installed))[0].astype(np.float32, copy=False)
    lengths = np.linalg.norm(raw.astype(np.float64), axis=-1, keepdims=True)
    if raw.ndim != 2 or not np.isfinite(lengths).all() or not lengths.all():
        raise ModelError(
            f"{who(installed, part)} gives no usable vector: expected numbers, found NaN, infinity or zeros alone",
            f"{remedy(installed)}, or choose another precision",
        )
    vectors: NDArray[np.float32] = (raw / lengths).astype(np.float32)
    return vectors


def _step(providers: Sequence[str], batches: bool) -> int:
    return _BATCH if batches and providers[0] != CPU else 1


def _stack(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    import numpy as np

    return np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
