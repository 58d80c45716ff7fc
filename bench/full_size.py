"""Makes what the models are measured on: checkpoints of the published sizes with random weights, exported, and photos.

Run with the extra [export]: `python -m bench.full_size siglip-base --precision int8`. Weights are random and seeded, so
speed and memory are those of the published models and accuracy is none. Kept in `bench/work/full-size`, several GB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import data
from urbextag.choices import PRECISIONS, Precision
from urbextag.models.catalogue import read_manifest

sys.path.insert(0, str(data.ROOT / "tools"))

FULL_SIZE = Path(__file__).parent / "work" / "full-size"
MODELS = FULL_SIZE / "models"
SEED = 5
FLORENCE_VOCABULARY = 51_290
"""51,289 as published and `<image>`, as in florence-community/Florence-2-*."""
PHOTO = (6000, 4000)


def model(name: str, precisions: Sequence[Precision]) -> Path:
    """The folder of models that holds `name`, a key of `MAKERS`, in these precisions; made where it is not there.

    Goes through the real export, checks against torch included: 1 to 10 minutes on two cores.
    """
    from urbextag.models.export import export_checkpoint

    manifest = read_manifest(MODELS / name)
    lacking = [precision for precision in precisions if manifest is None or precision not in manifest.precisions]
    if lacking:
        report = export_checkpoint(
            checkpoint(name), MODELS, name, lacking, lambda sentence: print(sentence, flush=True)
        )
        print("\n".join(report.lines()), flush=True)
    return MODELS


def checkpoint(name: str) -> Path:
    """The folder of a checkpoint of full size as transformers saves it; made where it is not there."""
    folder = FULL_SIZE / "checkpoints" / name
    if not folder.exists():
        draft = folder.with_name(f".{name}")
        shutil.rmtree(draft, ignore_errors=True)
        MAKERS[name](draft)
        draft.rename(folder)
    return folder


def photos(count: int) -> list[Path]:
    """JPEGs of 24 megapixels with the grain of a camera, made where they are not there."""
    import numpy as np
    from PIL import Image

    folder = FULL_SIZE / "photos"
    made = [folder / f"{number:03}.jpg" for number in range(count)]
    if all(path.exists() for path in made):
        return made
    folder.mkdir(parents=True, exist_ok=True)
    sources = [path for path in sorted((data.ROOT / "demo" / "photos").iterdir()) if data.is_photo(path)]
    grain = np.random.default_rng(SEED).normal(0, 4, (512, 512, 1)).astype(np.float32)
    tiled = np.tile(grain, (PHOTO[1] // 512 + 1, PHOTO[0] // 512 + 1, 1))[: PHOTO[1], : PHOTO[0]]
    for number, path in enumerate(made):
        if path.exists():
            continue
        with Image.open(sources[number % len(sources)]) as picture:
            smooth = np.asarray(picture.convert("RGB").resize(PHOTO, Image.Resampling.BICUBIC), np.float32)
        shade = np.float32(number % 7)  # so that no two photos have the same content
        Image.fromarray(np.clip(smooth + tiled + shade, 0, 255).astype(np.uint8)).save(path, quality=90)
    return made


def siglip_base(folder: Path) -> None:
    """google/siglip-base-patch16-224: 203 million parameters."""
    import torch
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipTokenizer

    torch.manual_seed(SEED)
    config = SiglipConfig(text_config={"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1})
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 224, "width": 224}).save_pretrained(folder)
    pieces = _sentencepiece(folder / "spiece.model", config.text_config.vocab_size)
    told = {"model_max_length": 64, "model_input_names": ["input_ids"], "pad_token": "</s>"}
    SiglipTokenizer(str(pieces), **told).save_pretrained(folder)


def florence_base(folder: Path) -> None:
    """microsoft/Florence-2-base: 232 million parameters."""
    text = {"d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072}
    heads = {"encoder_attention_heads": 12, "decoder_attention_heads": 12}
    vision = {"embed_dim": [128, 256, 512, 1024], "num_heads": [4, 8, 16, 32], "num_groups": [4, 8, 16, 32]}
    _florence(folder, {**vision, "projection_dim": 768}, {**text, **heads, "max_position_embeddings": 1024})


def florence_large(folder: Path) -> None:
    """microsoft/Florence-2-large: 777 million parameters."""
    text = {"d_model": 1024, "encoder_layers": 12, "decoder_layers": 12}
    sizes = {"encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "max_position_embeddings": 4096}
    heads = {"encoder_attention_heads": 16, "decoder_attention_heads": 16}
    vision = {"embed_dim": [256, 512, 1024, 2048], "num_heads": [8, 16, 32, 64], "num_groups": [8, 16, 32, 64]}
    _florence(folder, {**vision, "projection_dim": 1024}, {**text, **sizes, **heads})


MAKERS: Mapping[str, Callable[[Path], None]] = {
    "siglip-base": siglip_base,
    "florence-2-base": florence_base,
    "florence-2-large": florence_large,
}


def _florence(folder: Path, vision: dict[str, Any], text: dict[str, Any]) -> None:
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    tokenizer = _florence_tokenizer()
    ends = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    forced = {"decoder_start_token_id": 2, "forced_bos_token_id": 0, "forced_eos_token_id": 2}
    torch.manual_seed(SEED)
    config = Florence2Config(
        vision_config={**vision, "depths": [1, 1, 9, 1], "window_size": 12},
        text_config={"model_type": "bart", "vocab_size": FLORENCE_VOCABULARY, **text, **ends, **forced},
        image_token_id=tokenizer.image_token_id,
        **ends,
    )
    made = Florence2ForConditionalGeneration(config)
    for name, value in {**ends, **forced, "num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True}.items():
        setattr(made.generation_config, name, value)
    made.save_pretrained(folder)
    side = {"height": 768, "width": 768}
    images = CLIPImageProcessorPil(
        size=side,
        crop_size=side,
        do_center_crop=False,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    images.image_seq_length = 577
    kinds = "pure_text ocr description_with_bboxes phrase_grounding polygons description_with_polygons bboxes"
    rules: dict[str, Any] = {kind: {} for kind in [*kinds.split(), "description_with_bboxes_or_polygons"]}
    Florence2Processor(image_processor=images, tokenizer=tokenizer, post_processor_config=rules).save_pretrained(folder)


def _sentencepiece(path: Path, size: int) -> Path:
    """The tests' SentencePiece model, filled up with words of no use to the published number of pieces."""
    from sentencepiece import sentencepiece_model_pb2

    from tiny_dual_encoders import write_sentencepiece

    write_sentencepiece(path)
    model = sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes())
    for number in range(size - len(model.pieces)):
        model.pieces.add(piece=f"▁filler{number}", score=-30.0)
    path.write_bytes(model.SerializeToString())
    return path


def _florence_tokenizer() -> Any:
    """The tests' tokenizer for Florence-2, filled up with words of no use to the published number of tokens."""
    from tokenizers import Tokenizer

    from tiny_florence import tokenizer

    tiny = tokenizer()
    content = json.loads(tiny.backend_tokenizer.to_str())
    words, more = content["model"]["vocab"], FLORENCE_VOCABULARY - len(tiny)
    words |= {f"filler{number}": len(words) + number for number in range(more)}
    for token in content["added_tokens"]:
        if token["id"] >= len(words) - more:
            token["id"] += more
    tiny._tokenizer = Tokenizer.from_str(json.dumps(content))
    return tiny


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(MAKERS))
    parser.add_argument("--precision", choices=PRECISIONS, action="append", required=True)
    parser.add_argument("--photos", type=int, default=12)
    arguments = parser.parse_args()
    model(arguments.name, arguments.precision)
    photos(arguments.photos)
