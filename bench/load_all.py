"""How long the model files of the profile standard take to load: bare sessions, side by side as a program would."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench import full_size
from urbextag.models.installed import installed
from urbextag.supervisor import cores


def main(tags: str) -> None:
    """Open every ONNX file that the profile needs, OCR included."""
    import onnxruntime
    from rapidocr import RapidOCR

    def session(path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    tagger, encoder = (installed(full_size.MODELS, name, "int8") for name in (tags, "siglip-base"))
    parts = [path for part, path in tagger.parts.items() if part != "tokenizer"] + [encoder.parts["vision_model"]]
    started = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        loading = [pool.submit(session, str(path)) for path in parts] + [pool.submit(RapidOCR)]
        for one in loading:
            one.result()
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(sys.argv[1])
