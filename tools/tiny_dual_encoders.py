"""Makes the tiny SigLIP, SigLIP 2 and CLIP of the tests, with what transformers says of them; needs [export]."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from urbextag.models.catalogue import ModelSpec
from urbextag.models.export.dual_encoder import export
from urbextag.models.export.dual_encoder_spec import spec_of
from urbextag.models.export.tokenizer import PROMPTS, read_by_transformers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "tiny"
SIZE = 32
WIDTH = 24
SEED = 20260102
CORPUS = (
    "this is a photo of an abandoned building interior",
    "the exterior of a derelict factory with broken windows and peeling paint",
    "an aerial view of a mill beside the river",
    "church school hospital theater asylum corridor wheelchair boiler room",
    "a close up of rust on a valve, graffiti, collapsed roof, overgrown yard",
    "Fabrikhalle mit Öfen, Straße und Gebäude über dem Fluss",
) * 30
NORMALISATION = {"ﬁ": "fi", "Ａ": "a", "\u00a0": " ", "e\u0301": "é"}
"""A few rules in place of SentencePiece's own nmt_nfkc, whose table takes 300 kB."""

Saved = Callable[[Path], None]


def pictures() -> list[NDArray[np.uint8]]:
    """Photos of awkward shapes, drawn from seeded noise over a gradient: uint8 (height, width, 3)."""
    rng = np.random.default_rng(SEED)
    shapes = [(45, 60), (60, 45), (SIZE, SIZE), (1, 1), (2, 37), (150, 9), (31, 31)]
    drawn = []
    for height, width in shapes:
        slope = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 90, width))[..., np.newaxis]
        drawn.append((slope + rng.integers(0, 46, (height, width, 3))).astype(np.uint8))
    return drawn


def siglip(folder: Path) -> None:
    """Save a tiny SigLIP as google/siglip-base-patch16-224 is published: `spiece.model`, no `tokenizer.json`."""
    from transformers import SiglipImageProcessorPil, SiglipModel, SiglipTokenizer

    write_sentencepiece(folder / "spiece.model")
    tokenizer = SiglipTokenizer(
        str(folder / "spiece.model"), model_max_length=64, model_input_names=["input_ids"], pad_token="</s>"
    )
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    config = _siglip_config(tokenizer.vocab_size, pad=1, bos=0)
    _save(lambda: SiglipModel(config), folder)


def siglip2(folder: Path) -> None:
    """Save a tiny fixed-size SigLIP 2 as google/siglip2-base-patch16-224 is published: Gemma's kind of tokenizer."""
    from transformers import SiglipImageProcessorPil, SiglipModel

    tokenizer = gemma_like()
    tokenizer.save(str(folder / "tokenizer.json"))
    told = {
        "tokenizer_class": "GemmaTokenizer",
        "add_bos_token": False,
        "add_eos_token": True,
        "padding_side": "right",
        "model_max_length": 64,
        "model_input_names": ["input_ids"],
        **{f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk")},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}, resample=2).save_pretrained(folder)
    config = _siglip_config(tokenizer.get_vocab_size(), pad=0, bos=2)
    _save(lambda: SiglipModel(config), folder)


def clip(folder: Path) -> None:
    """Save a tiny CLIP as openai/clip-vit-large-patch14 is published, with its `eos_token_id` of 2 that is not so."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    vocabulary, merges = clip_like()
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}).save_pretrained(
        folder
    )
    config = CLIPConfig(
        text_config=_sizes()
        | {"vocab_size": len(vocabulary), "max_position_embeddings": 77, "projection_dim": 20, "eos_token_id": 2},
        vision_config=_sizes() | {"image_size": SIZE, "patch_size": 8, "projection_dim": 20},
        projection_dim=20,
    )
    _save(lambda: CLIPModel(config), folder)


FAMILIES: Mapping[str, Saved] = {"siglip": siglip, "siglip2": siglip2, "clip": clip}


def _sizes() -> dict[str, int]:
    return {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 1, "num_attention_heads": 4}


def _siglip_config(vocabulary: int, *, pad: int, bos: int) -> Any:
    from transformers import SiglipConfig

    text = {"vocab_size": vocabulary, "max_position_embeddings": 64, "projection_size": WIDTH}
    tokens = {"pad_token_id": pad, "bos_token_id": bos, "eos_token_id": 1}
    return SiglipConfig(
        text_config=_sizes() | text | tokens, vision_config=_sizes() | {"image_size": SIZE, "patch_size": 8}
    )


def _save(make: Callable[[], Any], folder: Path) -> None:
    """Random weights from one seed, spread wide enough for embeddings to differ, and saved as safetensors."""
    import torch

    torch.manual_seed(SEED)
    model = make().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.mul_(2.0)
            elif name == "logit_scale":
                weight.fill_(3.2)
            elif name == "logit_bias":
                weight.fill_(-4.5)
    model.save_pretrained(folder)


def write_sentencepiece(path: Path) -> None:
    """Train a unigram model with the ids of T5's: pad 0, end of sentence 1, unknown 2."""
    import io

    import sentencepiece

    with tempfile.TemporaryDirectory() as work:
        rules = Path(work) / "rules.tsv"
        rows = (
            "\t".join(" ".join(f"{ord(char):X}" for char in side) for side in rule) for rule in NORMALISATION.items()
        )
        rules.write_text("\n".join(rows) + "\n", encoding="utf-8")
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(line.lower() for line in CORPUS),
            model_writer=written,
            vocab_size=200,
            model_type="unigram",
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(rules),
            minloglevel=2,
        )
    path.write_bytes(written.getvalue())


def _code_points(text: str) -> str:
    return " ".join(f"{ord(char):X}" for char in text)


def gemma_like() -> Tokenizer:
    """BPE with byte fallback on lower-case text that ends each prompt with `<eos>`, as Gemma's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=480, special_tokens=[*tokens, *(f"<0x{byte:02X}>" for byte in range(256))], show_progress=False
    )
    tokenizer.train_from_iterator((line.lower() for line in CORPUS), trainer)
    whole = json.loads(tokenizer.to_str())  # bytes are ordinary tokens in Gemma's file, the trainer made them special
    whole["added_tokens"] = [token for token in whole["added_tokens"] if token["content"] in tokens]
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    return tokenizer


def clip_like() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE in CLIP's order: bytes, bytes that end a word, merges, the two ends."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(False)])
    letters = [*alphabet, *(f"{char}</w>" for char in alphabet)]
    trainer = trainers.BpeTrainer(  # letters in a fixed order: the trainer's own differs from run to run
        vocab_size=len(letters) + 200, special_tokens=letters, end_of_word_suffix="</w>", show_progress=False
    )
    trained.train_from_iterator((line.lower() for line in CORPUS), trainer)
    merges = [(left, right) for left, right in json.loads(trained.to_str())["model"]["merges"]]
    joined = [left.removesuffix("</w>") + right for left, right in merges]
    names = [*letters, *joined, "<|startoftext|>", "<|endoftext|>"]
    return {name: index for index, name in enumerate(dict.fromkeys(names))}, merges


def golden(checkpoint: Path, spec: ModelSpec) -> tuple[dict[str, Any], list[list[int]]]:
    """What transformers makes of the pictures and prompts: arrays by name, and token ids without padding.

    Arrays: `pixels_i` the pictures, `values` (n, 3, size, size), `ids` (m, length), `images` and `texts` the
    normalised embeddings (n, d) and (m, d), `logits` (n, m) image-text logits.
    """
    import torch
    from transformers import CLIPImageProcessorPil, CLIPModel, SiglipImageProcessorPil, SiglipModel

    is_clip = spec.family == "clip"
    processor = (CLIPImageProcessorPil if is_clip else SiglipImageProcessorPil).from_pretrained(checkpoint)
    model = (CLIPModel if is_clip else SiglipModel).from_pretrained(checkpoint).eval()
    drawn = pictures()
    told = [processor(picture, return_tensors="pt", input_data_format="channels_last") for picture in drawn]
    values = torch.cat([each.pixel_values for each in told])
    tokenizer = _tokenizer(checkpoint, spec)
    rows = read_by_transformers(tokenizer, PROMPTS, spec)
    width = 77 if is_clip else 64
    pad = tokenizer.pad_token_id
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    mask = (torch.arange(width) < torch.tensor([[len(row)] for row in rows])).long() if is_clip else None
    with torch.no_grad():
        said = model(input_ids=ids, pixel_values=values, attention_mask=mask)
    arrays = {
        **{f"pixels_{index}": picture for index, picture in enumerate(drawn)},
        "values": values.numpy(),
        "images": said.image_embeds.numpy(),
        "texts": said.text_embeds.numpy(),
        "logits": said.logits_per_image.numpy(),
    }
    return arrays, rows


def _tokenizer(checkpoint: Path, spec: ModelSpec) -> Any:
    """By the class that fits the training: for SigLIP 2 the automatic choice would keep upper case."""
    from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer

    made = {"siglip": SiglipTokenizer, "siglip2": Siglip2Tokenizer, "clip": CLIPTokenizer}[spec.family]
    return made.from_pretrained(checkpoint)


def make(family: str, out: Path) -> None:
    """Write one family's files into `out`: ONNX files, `tokenizer.json`, `spec.json`, `golden.npz`, `golden.json`."""
    with tempfile.TemporaryDirectory() as work:
        checkpoint = Path(work) / f"tiny-{family}"
        checkpoint.mkdir()
        FAMILIES[family](checkpoint)
        out.mkdir(parents=True, exist_ok=True)
        (out / "onnx").mkdir(exist_ok=True)
        for found in export(checkpoint, out):
            print(f"{family} {found.piece}: {found.largest:.1e} from torch ({found.note})")
        for part in ("vision_model", "text_model"):
            (out / f"{part}.onnx").replace(out / "onnx" / f"{part}.onnx")
        if family == "siglip":
            openclip_layout(out)
        spec = spec_of(checkpoint)
        arrays, ids = golden(checkpoint, spec)
    np.savez_compressed(out / "golden.npz", **arrays)
    (out / "spec.json").write_text(spec.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
    told = {"prompts": PROMPTS, "ids": ids}
    (out / "golden.json").write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")


def openclip_layout(out: Path) -> None:
    """Write the same model as Immich publishes OpenCLIP's, and with other habits of exporters, to be found by a loader.

    `visual/model.onnx` takes `image`, `textual/model.onnx` takes `text` of int32 and an `attention_mask` that it does
    not use; both give `embedding`, for one item at a time, and compute, take and give float16.
    """
    import onnx
    from onnx import TensorProto, helper
    from onnxruntime.transformers.float16 import convert_float_to_float16

    for part, folder, name in (("vision_model", "visual", "image"), ("text_model", "textual", "text")):
        model = onnx.load(out / "onnx" / f"{part}.onnx")
        graph = model.graph
        for node in graph.node:
            node.input[:] = [name if side == graph.input[0].name else side for side in node.input]
            node.output[:] = ["embedding" if side == graph.output[0].name else side for side in node.output]
        for entry, called in ((graph.input[0], name), (graph.output[0], "embedding")):
            entry.name = called
            entry.type.tensor_type.shape.dim[0].dim_value = 1
        if name == "text":
            graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
            graph.input.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT32, [1, 64]))
        half = convert_float_to_float16(model, disable_shape_infer=True)
        (out / folder).mkdir(exist_ok=True)
        onnx.save(half, out / folder / "model.onnx")


def main() -> None:
    """Write all families, or those that are named, and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", dest="families", action="append", choices=list(FAMILIES), help="default: all")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    for family in arguments.families or FAMILIES:
        folder = arguments.out / family
        make(family, folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{family}: {size / 1000:.0f} kB in {folder}")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
