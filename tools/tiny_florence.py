"""Writes the tiny random Florence-2 of the tests: ONNX as published and as we export it, and what torch makes of it.

Run with the [export] extra: `python tools/tiny_florence.py`. Weights are random but seeded; what is checked with them
is arithmetic, names and generation, never accuracy. The files:

- `florence2/`: the layout of the published `onnx-community/Florence-2-*` (`decoder_model_merged` with two branches).
- `florence2-split/`: encoder and decoder of our own export; vision encoder, embedding and tokenizer are the same.
- `florence2-fp16/`: the same in half precision, inputs and outputs too; the vision encoder is the one of `florence2/`.
- `florence2/golden.npz`, `golden.json`: inputs and outputs of transformers.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
TINY = ROOT / "tests" / "data" / "tiny"
SIZE = 64
SEED = 8
SPREAD = 20.0
"""Weights are this many times those of transformers' initialisation, which all but pass the last token through: texts
then depend on the picture and the task."""
TABLE_SPREAD = 8.0
END_SPREAD = 1.6
"""The row of the end token is longer, so that some texts end before the limit."""
TASKS = ("<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>", "<OD>", "<OCR_WITH_REGION>")
LENGTHS = (7, 40)
LOGIT_STEPS = 12
LOGIT_PICTURES = (0, 2)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MARKS = ("od", "ocr", "cap", "ncap", "dcap", "grounding", "seg", "sep", "region_cap", "proposal", "poly")
WORDS = (
    "What does the image describe? What is the text in the image, with regions? Describe in detail what is shown in the"
    " image. Describe with a paragraph what is shown in the image. Locate the objects with category name in the image."
    " Locate the objects in the image, with their descriptions. Locate the region proposals in the image.",
    "An abandoned building with broken windows, peeling paint and a rusty wheelchair. Beds, a gurney, graffiti.",
)
TEXTS = {
    "<OD>": [
        "</s><s>door<loc_10><loc_20><loc_500><loc_900>window<loc_1><loc_2><loc_3><loc_4><loc_5><loc_6><loc_7><loc_8></s>",
        "<s>broken window<loc_0><loc_0><loc_999><loc_999></s><pad><pad>",
        "<s>a cut box<loc_10><loc_20><loc_30></s>",
        "<s>a label without a box</s>",
        "<s><loc_1><loc_2><loc_3><loc_4>chair<loc_9><loc_8><loc_7><loc_6></s>",
        "<s>five<loc_1><loc_2><loc_3><loc_4><loc_5>last<loc_7><loc_7><loc_8><loc_8></s>",
        "",
    ],
    "<DENSE_REGION_CAPTION>": ["<s>rusty bed<loc_3><loc_4><loc_123><loc_999> gurney <loc_1><loc_1><loc_2><loc_2></s>"],
    "<REGION_PROPOSAL>": ["<s><loc_1><loc_2><loc_300><loc_400><loc_5><loc_6><loc_700><loc_800></s>", "<s>junk</s>"],
    "<OCR_WITH_REGION>": [
        "</s><s>RINK POLICY<loc_10><loc_20><loc_300><loc_25><loc_298><loc_90><loc_8><loc_85>NO"
        "<loc_1><loc_2><loc_3><loc_4><loc_5><loc_6><loc_7><loc_8>cut<loc_1><loc_2></s>",
        "<s>no box at all</s>",
    ],
}
PICTURE = (1000, 750)
"""Width and height that transformers gives the boxes of `TEXTS` in."""


def tokenizer() -> Any:
    """A byte-level BPE tokenizer like BART's, with Florence-2's location tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(WORDS, trainer)
    marks = [f"<{slash}{mark}>" for mark in MARKS for slash in ("", "/")]
    bpe.add_special_tokens([f"<loc_{place}>" for place in range(1000)] + marks + ["<and>", "<image>"])
    ends = [("<s>", bpe.token_to_id("<s>")), ("</s>", bpe.token_to_id("</s>"))]
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        model_max_length=1024,
        extra_special_tokens={"image_token": "<image>"},
    )


def processor() -> Any:
    """Florence-2's processor for pictures of `SIZE` px (`image_seq_length` is one mean and the last grid's cells)."""
    from transformers import CLIPImageProcessorPil, Florence2Processor

    side = {"height": SIZE, "width": SIZE}
    images = CLIPImageProcessorPil(
        size=side,
        crop_size=side,
        do_center_crop=False,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    images.image_seq_length = (SIZE // 32) ** 2 + 1
    kinds = "pure_text ocr description_with_bboxes phrase_grounding polygons description_with_polygons bboxes"
    rules: dict[str, dict[str, Any]] = {kind: {} for kind in [*kinds.split(), "description_with_bboxes_or_polygons"]}
    return Florence2Processor(image_processor=images, tokenizer=tokenizer(), post_processor_config=rules)


def checkpoint(folder: Path) -> None:
    """Save the tiny model in the format of transformers, with published Florence-2's generation settings."""
    import torch
    from transformers import Florence2Config, Florence2ForConditionalGeneration

    made = processor()
    ids = made.tokenizer
    ends = {"bos_token_id": ids.bos_token_id, "eos_token_id": ids.eos_token_id, "pad_token_id": ids.pad_token_id}
    forced = {"decoder_start_token_id": 2, "forced_bos_token_id": 0, "forced_eos_token_id": 2}
    vision = {
        "embed_dim": [8, 8, 16, 16],
        "num_heads": [1, 1, 2, 2],
        "num_groups": [1, 1, 2, 2],
        "depths": [1, 1, 1, 1],
        "window_size": 4,
        "projection_dim": 32,
        "max_position_embeddings": 10,
        "max_temporal_embeddings": 4,
    }
    text = {
        "model_type": "bart",
        "vocab_size": len(ids),
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48,
        "max_position_embeddings": 256,
        **ends,
        **forced,
    }
    torch.manual_seed(SEED)
    config = Florence2Config(vision_config=vision, text_config=text, image_token_id=ids.image_token_id, **ends)
    model = Florence2ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                weights *= TABLE_SPREAD if name.endswith("shared.weight") else SPREAD
            elif name.endswith("bias"):
                weights += torch.randn_like(weights) * 0.1
        model.lm_head.weight[ids.eos_token_id] *= END_SPREAD
    settings = {**ends, **forced, "num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True}
    for name, value in settings.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    made.save_pretrained(folder)


def pictures() -> list[NDArray[np.uint8]]:
    """Pictures (height, width, 3) of several shapes: noise, a gradient, a wide strip, a single pixel."""
    rng = np.random.default_rng(SEED)
    noise = rng.integers(0, 256, (90, 120, 3), np.uint8)
    ramp = np.linspace(0, 255, 80, dtype=np.uint8)
    gradient = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], ramp[::-1, None]), axis=2)
    strip = rng.integers(0, 256, (5, 300, 3), np.uint8)
    return [noise, np.ascontiguousarray(gradient), strip, np.array([[[200, 30, 90]]], np.uint8)]


def goldens(source: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What transformers makes of the pictures: arrays for `golden.npz`, and ids, texts and boxes for `golden.json`."""
    import torch
    from transformers import AutoProcessor, Florence2ForConditionalGeneration

    model = Florence2ForConditionalGeneration.from_pretrained(source, local_files_only=True).eval()
    made = AutoProcessor.from_pretrained(source, local_files_only=True)
    arrays: dict[str, NDArray[Any]] = {}
    cases: list[dict[str, Any]] = []
    with torch.no_grad():
        for number, picture in enumerate(pictures()):
            arrays[f"picture_{number}"] = picture
            for task in TASKS:
                inputs = made(text=task, images=picture, return_tensors="pt", input_data_format="channels_last")
                for length in LENGTHS:
                    for beams in (1, 3):
                        settings = {"max_new_tokens": length, "num_beams": beams, "do_sample": False}
                        ids = model.generate(**inputs, **settings)[0].tolist()
                        case = {"picture": number, "task": task, "length": length, "beams": beams, "ids": ids}
                        case["text"] = made.tokenizer.decode(ids, skip_special_tokens=False)
                        cases.append(case)
                if task == TASKS[0]:
                    states = _states(model, inputs)
                    if number not in LOGIT_PICTURES:
                        del states["logits"]
                    arrays |= {f"{name}_{number}": value for name, value in states.items()}
    prompts = {task: made(text=task, images=pictures()[0])["input_ids"][0] for task in TASKS}
    parsed = []
    for task, texts in TEXTS.items():
        for text in [*texts, *(case["text"] for case in cases if case["task"] == task)]:
            found = made.post_process_generation(text=text, task=task, image_size=PICTURE)[task]
            parsed.append({"task": task, "text": text, "result": found})
    return arrays, {"prompts": prompts, "cases": cases, "parsed": parsed, "picture_size": PICTURE}


def _states(model: Any, inputs: Any) -> dict[str, NDArray[np.float32]]:
    """Pixel values, image features, encoder states, and logits of the greedy text's first `LOGIT_STEPS` steps."""
    found = model.generate(
        **inputs, max_new_tokens=LOGIT_STEPS, num_beams=1, output_logits=True, return_dict_in_generate=True
    )
    return {
        "pixels": inputs["pixel_values"][0].numpy(),
        "features": model.get_image_features(inputs["pixel_values"]).pooler_output[0].numpy(),
        "states": model(**inputs).encoder_last_hidden_state[0].numpy(),
        "logits": np.concatenate([step.numpy() for step in found.logits]),
    }


def write(out: Path) -> None:
    """Make the checkpoint in a folder of its own, and all files under `out` from it."""
    from merged_decoder import published
    from urbextag.models.export.florence import export

    with tempfile.TemporaryDirectory() as temporary:
        source, exported = Path(temporary) / "checkpoint", Path(temporary) / "exported"
        checkpoint(source)
        for found in export(source, exported):
            print(f"{found.piece}: {found.largest:.1e} ({found.note})")
        shared, split = out / "florence2", out / "florence2-split"
        for folder in (shared, split):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("vision_encoder.onnx", "embed_tokens.onnx"):
            shutil.copyfile(exported / name, shared / name)
        compact = json.loads((exported / "tokenizer.json").read_text(encoding="utf-8"))
        (shared / "tokenizer.json").write_text(json.dumps(compact, separators=(",", ":")), encoding="utf-8")
        for name in ("encoder_model.onnx", "decoder_with_past_model.onnx"):
            shutil.copyfile(exported / name, split / name)
        published(source, shared, out / "florence2-fp16")
        arrays, told = goldens(source)
        np.savez_compressed(shared / "golden.npz", allow_pickle=False, **arrays)
        (shared / "golden.json").write_text(json.dumps(told, separators=(",", ":")) + "\n", encoding="utf-8")
        shutil.copyfile(source / "generation_config.json", shared / "generation_config.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TINY)
    write(parser.parse_args().out)
