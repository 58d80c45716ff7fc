"""Writes a dual encoder's `tokenizer.json` and proves that it reads prompts as transformers' own tokenizer does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import ModelSpec
from urbextag.models.installed import Installed
from urbextag.models.tokens import canonical, load_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
_SENTENCEPIECE = "spiece.model"
_UNIGRAM = 1
_CONTROL = 3
_REMEDY = "Give a folder with the tokenizer files that were published with these weights"

PROMPTS = (
    "a",
    "a photo of an abandoned building",
    "This is a photo of a HOSPITAL corridor.",
    "wheelchair in a hallway",
    "peeling paint, broken windows; rust & dust!",
    "the interior of a so-called 'asylum' (1897)",
    "Fabrikhalle mit Öfen und Kränen, Straße, Gebäude, über",
    "église abandonnée à Orléans, façade rénovée",
    "opuszczony kościół, Łódź",
    "заброшенная больница",
    "廃墟 の 写真",
    "an aerial view - drone - of a mill/foundry",
    "100% empty swimming pool #2 @ night",
    "it's a can't-miss view: we've, they'll, I'd, you're",
    "boiler room... with pipes?!",
    "  two   spaces\tand\na line  ",
    "½ ﬁre Ⅷ ﾊﾝ ™",
    "émigré vs e\u0301migre\u0301",
    "🏚️ derelict house",
    "snake_case and CamelCase and 3.14159",
    "a photo of " + ", ".join(["an operating theatre with a lamp over the table"] * 12),
    "A" * 300,
)
"""Upper case, punctuation, umlauts, other scripts, ligatures, accents written in two ways, emoji, and far too long."""


def write_tokenizer(checkpoint: Path, out: Path, spec: ModelSpec) -> None:
    """Write `tokenizer.json` into `out`.

    That of the checkpoint where it has one that reads as transformers does; else one made from `spiece.model` (SigLIP)
    or from `vocab.json` and `merges.txt` (CLIP).

    Raises:
        ModelError: the checkpoint has no tokenizer of its family, or what was made of it reads a prompt otherwise than
            transformers; the message has the prompt and both readings.

    """
    target = out / TOKENIZER
    theirs = _transformers_tokenizer(checkpoint, spec)
    if (checkpoint / TOKENIZER).is_file():
        target.write_bytes((checkpoint / TOKENIZER).read_bytes())
        if spec.family != "siglip" or not (checkpoint / _SENTENCEPIECE).is_file() or not _gaps(target, spec, theirs):
            _refuse_gaps(target, spec, theirs)
            return
    if spec.family == "siglip":
        from_sentencepiece(checkpoint / _SENTENCEPIECE).save(str(target))
    else:
        theirs.backend_tokenizer.save(str(target))
    _refuse_gaps(target, spec, theirs)


def from_sentencepiece(path: Path) -> Tokenizer:
    """The tokenizer of a SentencePiece model of type unigram that ends each prompt with its end-of-sentence token.

    Raises:
        ModelError: the file is missing, damaged or of another type.

    """
    from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    try:
        content = SentencePieceProcessor(model_file=str(path)).serialized_model_proto()
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", _REMEDY) from error
    model = sentencepiece_model_pb2.ModelProto.FromString(content)
    trainer = model.trainer_spec
    if trainer.model_type != _UNIGRAM:
        raise ModelError(f"{path} does not fit SigLIP: expected a unigram model, found another type", _REMEDY)
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, trainer.unk_id, trainer.byte_fallback))
    steps: list[Any] = [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    if model.normalizer_spec.precompiled_charsmap:
        steps.insert(0, normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    end = model.pieces[trainer.eos_id].piece
    control = [piece.piece for piece in model.pieces if piece.type == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in dict.fromkeys([*control, end])])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, trainer.eos_id)])
    return tokenizer


def _transformers_tokenizer(checkpoint: Path, spec: ModelSpec) -> Any:
    """The tokenizer class that each family was published for; SigLIP 2 was trained on lower case, which its has."""
    from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer

    made = {"siglip": SiglipTokenizer, "siglip2": Siglip2Tokenizer, "clip": CLIPTokenizer}[spec.family]
    needed = {"siglip": (_SENTENCEPIECE,), "siglip2": (TOKENIZER,), "clip": (TOKENIZER, "vocab.json")}[spec.family]
    if not any((checkpoint / name).is_file() for name in needed):
        raise ModelError(f"{checkpoint} has no tokenizer: expected {' or '.join(needed)}", _REMEDY)
    try:
        return made.from_pretrained(checkpoint, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"The tokenizer of {checkpoint} cannot be loaded: {str(error)[:300]}", _REMEDY) from error


def read_by_transformers(tokenizer: Any, prompts: Sequence[str], spec: ModelSpec) -> list[list[int]]:
    """Token ids by transformers, cut at the model's length, not padded."""
    if spec.text is None:
        raise ValueError(f"{spec.name} has no text model")
    return [
        list(tokenizer(" ".join(prompt.split()), truncation=True, max_length=spec.text.length).input_ids)
        for prompt in prompts
    ]


def _gaps(path: Path, spec: ModelSpec, theirs: Any) -> list[str]:
    """Where the two readings differ, in words; empty where they never do."""
    exported = Installed(spec, spec.revision or "", "fp32", {"tokenizer": path})
    ours = load_tokenizer(exported)
    return [
        f"{prompt[:60]!r} is {found[:12]} here and {expected[:12]} there"
        for prompt, expected in zip(PROMPTS, read_by_transformers(theirs, PROMPTS, spec), strict=True)
        if (found := ours.encode(canonical(prompt, exported)).ids) != expected
    ]


def _refuse_gaps(path: Path, spec: ModelSpec, theirs: Any) -> None:
    if gaps := _gaps(path, spec, theirs):
        raise ModelError(
            f"{path.name} reads {len(gaps)} of {len(PROMPTS)} prompts otherwise than transformers: {gaps[0]}", _REMEDY
        )


def is_gemma(checkpoint: Path) -> bool:
    """Whether the checkpoint has SigLIP 2's tokenizer; the fixed-size SigLIP 2 calls itself `siglip` in its config."""
    try:
        told = json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and str(told.get("tokenizer_class", "")).startswith(("Gemma", "Siglip2"))
