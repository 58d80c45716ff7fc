"""What the Ollama server of the tests says when nothing is wrong with it, from its models and a request alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal

MODEL = "qwen3-vl:8b-instruct"
WORDS = re.findall(
    r"\w+",
    """
rust plaster tile ivy girder lathe boiler pulley ward chapel corridor stairwell window paint moss rubble chair
gurney ledger valve duct beam brick arch cornice lamp switchboard crane silo kiln loom organ pew altar desk
chalkboard locker sink bathtub piano carpet curtain skylight gutter chimney fence gate tunnel rail turbine gauge
    """,
)


@dataclass
class Answer:
    """What one request gets; what is left at None is as a healthy server gives it."""

    content: str | None = None
    thinking: str | None = None
    done_reason: str | None = "stop"
    """None: the field is absent, as when the runner is gone."""
    model: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """Fields that replace those of the reply."""
    status: int = 200
    error: str | None = None
    """The body is `{"error": ...}`; of itself for a status that is none of success."""
    body: bytes | None = None
    """Takes the place of the whole body."""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte."""
    then: Literal["whole", "cut", "stall", "dribble"] = "whole"
    """After `after` bytes of the body: the connection ends, nothing more comes, or a byte every 0.05 s."""
    after: int = 0


@dataclass
class Model:
    """One model that the server has."""

    name: str = MODEL
    digest: str = "901cae73216286a1" * 4
    capabilities: tuple[str, ...] | None = ("completion", "vision", "tools")
    """None: a server too old to say."""
    context: int = 262144
    size: int = 6_000_000_000
    size_vram: int | None = 6_000_000_000
    """None: not in memory, so `/api/ps` does not list it."""
    remote_host: str | None = None


def listed(model: Model) -> dict[str, Any]:
    """A model in `/api/tags` and `/api/ps`."""
    remote = {"remote_host": model.remote_host, "remote_model": model.name} if model.remote_host else {}
    details = {"format": "gguf", "family": "qwen3vl", "families": ["qwen3vl"], "parameter_size": "8.8B"}
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size,
        "digest": model.digest,
        "details": details,
        **remote,
    }


def shown(model: Model) -> dict[str, Any]:
    """A model in `/api/show`."""
    shown: dict[str, Any] = {
        "details": {"family": "qwen3vl"},
        "model_info": {"general.architecture": "qwen3vl", "qwen3vl.context_length": model.context},
    }
    return shown if model.capabilities is None else shown | {"capabilities": list(model.capabilities)}


def pull(models: list[Model], library: dict[str, Model], body: Any) -> Any:
    """A pull, all its lines at once."""
    found = library.get(body["model"])
    lines: list[dict[str, Any]] = [{"status": "pulling manifest"}]
    if found is None:
        lines.append({"error": "pull model manifest: file does not exist"})
    else:
        models.append(found)
        lines += [{"status": f"pulling {found.digest[:12]}", "digest": found.digest, "total": 10, "completed": 10}]
        lines += [{"status": "verifying sha256 digest"}, {"status": "success"}]
    return lines if body.get("stream", True) else lines[-1]


def chat(picture_tokens: int, model: Model, body: Any, answer: Answer) -> tuple[int, Any]:
    """Status and reply of `/api/chat`, as routes.go makes them."""
    thinks = "thinking" in (model.capabilities or ())
    if body.get("think") is not None and not thinks:
        return 400, {"error": f'"{body["model"]}" does not support thinking'}
    try:
        pictures = [base64.b64decode(i, validate=True) for m in body["messages"] for i in m.get("images", ())]
    except binascii.Error:
        return 400, {"error": "illegal base64 data at input byte 0"}
    if pictures and "vision" not in (model.capabilities or ()):
        return 500, {"error": "this model is missing data required for image input"}
    options = body.get("options", {})
    needed = sum(len(m["content"]) // 4 for m in body["messages"]) + picture_tokens * len(pictures)
    context = min(options.get("num_ctx", 4096), model.context)
    if needed > context and body.get("truncate") is False:
        return 400, {"error": json.dumps({"error": too_long(needed, context)})}
    content = answer.content
    if content is None:
        content = invented(b"".join(pictures), body.get("format"), options.get("seed", 0))
    cap = 4 * options.get("num_predict", 1 << 30)
    done_reason = "length" if len(content) > cap and answer.done_reason == "stop" else answer.done_reason
    thinking = answer.thinking if answer.thinking is not None or not thinks or body.get("think") is False else "Hm."
    reply: dict[str, Any] = {
        "model": answer.model or body["model"],
        "created_at": "2026-08-21T10:00:00.123456789Z",
        "message": {"role": "assistant", "content": content[:cap]} | ({"thinking": thinking} if thinking else {}),
        "done": done_reason is not None,
    }
    if done_reason is not None:
        reply |= {"done_reason": done_reason, "total_duration": 1_200_000_000, "load_duration": 40_000_000}
        reply |= {"prompt_eval_count": min(needed, context), "prompt_eval_duration": 300_000_000}
        reply |= {"eval_count": max(1, len(content[:cap]) // 4), "eval_duration": 800_000_000}
    return 200, reply | answer.more


def too_long(needed: int, context: int) -> dict[str, Any]:
    """The error of the engine that Ollama hands on inside a string."""
    message = f"request ({needed} tokens) exceeds the available context size ({context} tokens), try increasing it"
    return {
        "code": 400,
        "message": message,
        "type": "exceed_context_size_error",
        "n_prompt_tokens": needed,
        "n_ctx": context,
    }


def invented(picture: bytes, schema: Any, seed: int = 0) -> str:
    """An answer that fits the schema, the same for the same picture and seed, another for any other."""
    chance = random.Random(hashlib.sha256(picture + str(seed).encode()).digest())
    if not isinstance(schema, dict):
        return " ".join(chance.sample(WORDS, 12))
    return json.dumps(_fitting(schema, chance))


def _fitting(schema: dict[str, Any], chance: random.Random) -> Any:
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema["type"]:
        case "object":
            made = {name: _fitting(part, chance) for name, part in schema["properties"].items()}
            if "from" in made and "to" in made:
                made["from"], made["to"] = sorted((made["from"], made["to"]))
            return made
        case "array":
            return [_fitting(schema["items"], chance) for _ in range(min(3, schema.get("maxItems", 3)))]
        case "string":
            longest, text = schema.get("maxLength", 200), ""
            for word in chance.sample(WORDS, 10 if longest > 200 else 2):
                if len(text) + 1 + len(word) <= longest:
                    text += f"{' ' if text else ''}{word}"
            return text
        case "integer":
            return chance.randint(schema.get("minimum", 0), schema.get("maximum", 100))
        case "number":
            return chance.random()
    return chance.random() < 0.5
