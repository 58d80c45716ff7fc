"""Peak memory of SigLIP and Florence-2 in one process: stages, prompts and taxonomy, on photos of 24 megapixels."""

from __future__ import annotations

import json
import sys

from bench import full_size
from bench.bare_models import peak_mib
from urbextag.config import Config, ModelsConfig
from urbextag.deriver import make_deriver
from urbextag.images import Limits
from urbextag.pipeline import build, run_batch
from urbextag.records import Failure, PhotoRef
from urbextag.stages.base import Kit
from urbextag.supervisor import cores
from urbextag.taxonomy import load_taxonomy

STAGES = ("metadata", "embedding", "florence")


def main(tags: str) -> None:
    """Look at three photos and print the peak."""
    models = ModelsConfig(folder=full_size.MODELS, scene="siglip-base", tags=tags)
    options = {"florence": {"max_new_tokens": 100}}
    config, taxonomy = Config(profile="standard", models=models, stages=options), load_taxonomy()
    deriver = make_deriver(config, taxonomy, cores())
    kit = Kit(taxonomy, cores(), models, deriver.zero_shot)
    stages = [stage for stage in build(config, kit) if stage.name in STAGES]
    for stage in stages:
        stage.load()
    for number, path in enumerate(full_size.photos(3)):
        (result,) = run_batch(stages, [PhotoRef(str(number), str(path))], Limits())
        if isinstance(result, Failure):
            raise SystemExit(f"{path}: {result.reason}")
        deriver.derive([result.material({})])
    print(json.dumps({"peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(sys.argv[1])
