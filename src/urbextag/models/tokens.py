"""Prompts -> token ids -> the inputs of a dual encoder's text model; a tokenizer of another model is refused."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import TextSpec
from urbextag.models.installed import Installed
from urbextag.models.layout import TextPorts, remedy, who
from urbextag.models.onnx_session import faults

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def canonical(prompt: str, installed: Installed) -> str:
    """A prompt as the model's training saw it: spaces single, none at the ends; by `TextSpec.lower` in lower case.

    SigLIP's training took ASCII punctuation out as well (big_vision, `prompt_engineering.canonicalize_text`), SigLIP2's
    did not (transformers, `Siglip2Tokenizer`).
    """
    prompt = prompt.encode("utf-8", "replace").decode()  # half characters from a shell's arguments become "?"
    text = installed.spec.text
    if text is not None and text.lower:
        prompt = prompt.lower()
        if installed.spec.family == "siglip":
            prompt = prompt.translate(_NO_PUNCTUATION)
    return re.sub(r"\s+", " ", prompt).strip()


def read_tokenizer(installed: Installed) -> Tokenizer:
    """The tokenizer of a model, set to leave padding to us; raises ModelError where the file is missing or is none."""
    from tokenizers import Tokenizer

    path = installed.parts["tokenizer"]
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ModelError(f"Tokenizer {path} is missing", remedy(installed)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"Tokenizer {path} cannot be read: {error}", remedy(installed)) from error
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception as error:  # tokenizers raises bare Exception, and nothing else runs here
        raise ModelError(f"Tokenizer {path} cannot be used: {error}", remedy(installed)) from error
    tokenizer.no_padding()
    return tokenizer


def load_tokenizer(installed: Installed) -> Tokenizer:
    """The tokenizer of a dual encoder, set to cut at the model's length and to leave padding to us.

    Raises:
        ModelError: the file is missing or no tokenizer, has no token for padding, or does not end what it reads with a
            special token, without which the text model's vector is that of something else.

    """
    text = installed.spec.text
    if text is None:
        raise ModelError(f"{installed.spec.name} has no text model", "Choose another model for scenes")
    tokenizer = read_tokenizer(installed)
    tokenizer.enable_truncation(text.length)
    size = tokenizer.get_vocab_size()
    if text.pad_id >= size:
        raise ModelError(
            f"{who(installed, 'tokenizer')} is of another model: expected token {text.pad_id} for padding, "
            f"found {size} tokens",
            remedy(installed),
        )
    ids = tokenizer.encode("a").ids
    special = {index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    if not ids or ids[-1] not in special:
        raise ModelError(
            f"{who(installed, 'tokenizer')} does not fit the family {installed.spec.family}: expected a special token "
            f"at the end of each prompt, found the ids {ids} for the prompt 'a'",
            remedy(installed),
        )
    return tokenizer


def check_vocabulary(session: InferenceSession, ports: TextPorts, tokenizer: Tokenizer, installed: Installed) -> None:
    """Raise ModelError where the tokenizer knows more tokens than the text model, or far fewer.

    The table of tokens is not to be seen from outside, so the model is asked for rows of it: the tokenizer's last token
    must be there, and a token well beyond it must not (tables are rounded up by up to 128 rows or 5 %).
    """
    text = installed.spec.text
    last = max(tokenizer.get_vocab(with_added_tokens=True).values())
    beyond = last + max(128, last // 20) + 1
    if text is None or not _knows(session, ports, text, last):
        raise ModelError(
            f"{who(installed, 'tokenizer')} is of another model: expected tokens that the text model knows, "
            f"found ids up to {last} and a text model that does not take that one",
            remedy(installed),
        )
    if _knows(session, ports, text, beyond):
        raise ModelError(
            f"{who(installed, 'tokenizer')} is of another model: expected about as many tokens as the text model "
            f"knows, found ids up to {last} and a text model that takes {beyond}",
            remedy(installed),
        )


def _knows(session: InferenceSession, ports: TextPorts, text: TextSpec, token: int) -> bool:
    import onnxruntime

    quiet = onnxruntime.RunOptions()
    quiet.log_severity_level = 4  # fatal: the refusal is an answer here, not a fault to print
    try:
        session.run([ports.embeddings], feeds_of([[token]], ports, text), quiet)
    except faults():
        return False
    return True


def feeds_of(ids: Sequence[Sequence[int]], ports: TextPorts, text: TextSpec) -> dict[str, NDArray[Any]]:
    """Inputs for prompts: padded to the longest, or to the model's length where its training or its file wants that."""
    import numpy as np

    fixed = text.length if text.pad_to_length else ports.length
    width = fixed or max(len(row) for row in ids)
    table = np.full((len(ids), width), text.pad_id, ports.ids_type)
    mask = np.full(table.shape, text.pad_to_length)
    for index, row in enumerate(ids):
        table[index, : len(row)] = row
        mask[index, : len(row)] = True
    extra = {
        "mask": mask,
        "positions": np.broadcast_to(np.arange(width), table.shape),
        "types": np.zeros(table.shape, np.int64),
    }
    return {ports.ids: table, **{name: extra[kind].astype(number) for name, kind, number in ports.extra}}
