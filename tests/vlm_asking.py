"""What the tests of a VLM server's adapter share: a request, a client for a server of the tests, one question."""

import json
import time

from fake_ollama import Model
from urbextag.config import EndpointConfig, VlmConfig
from urbextag.vlm import answer as answers
from urbextag.vlm.client import make_client
from urbextag.vlm.records import Known, Request

SCHEMA = answers.schema(("object", "material", "condition"))
GOOD = json.dumps({"description": "a boiler room", "tags": ["boiler", "valve"]})
THINKER = Model("qwen3-vl:8b", capabilities=("completion", "vision", "thinking"))
PAGE = b"<!DOCTYPE html><html><head><title>504 Gateway &amp; friends</title></head><body>nginx</body></html>"


def ask_for(jpeg=b"\xff\xd8 a photo", **more):
    about = {"system": "You see photos.", "prompt": "Describe it.", "jpeg": jpeg, "schema": SCHEMA, "known": Known()}
    about |= {"template": "t1", "max_tokens": 1500, "temperature": 0.2, "seed": 1}
    return Request(**{**about, "context_tokens": 8192, "keep_alive": "10m", **more})


def client(fake, *, seconds=20.0, url="", **more):
    endpoint = EndpointConfig(url=fake.url + url, **more)
    return make_client(endpoint, VlmConfig(endpoints=(endpoint,), answer_seconds=seconds))


def ask(fake, answer=None, request=None, stop=lambda: False, **more):
    """Probe, then ask for one photo, which gets that answer."""
    asker = client(fake, **more)
    asker.probe()
    if answer is not None:
        fake.answers.append(answer)
    return asker.ask(request or ask_for(), stop)


def soon(condition, seconds=3.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()
