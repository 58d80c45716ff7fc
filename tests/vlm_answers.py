"""Answers, replies and requests for the tests of what a VLM is believed; a JSON schema checker of its own."""

from __future__ import annotations

import copy
import json
from typing import Any

from urbextag.vlm.answer import schema
from urbextag.vlm.records import Finish, Known, Probed, Reply, Request

FACETS = ("place", "room", "element", "object", "condition", "sign")
SYSTEM = (
    "You catalogue photographs of abandoned places. Answer with one JSON object of the given form and nothing else."
)
PROMPT = """Known already, do not repeat: This is an interior photograph of Saint Mary Asylum for the Chronic Insane, an
abandoned hospital built circa 1880-1900 in Utica, New York. Stage 1 detected: peeling paint, bed frame, window.
Please describe:
1. Architectural style and notable features
2. Current condition and decay indicators
- description: three to five sentences about what can be seen: the space, its notable features and the equipment."""
KNOWN = Known(
    view_type="interior",
    location_name="Saint Mary Asylum for the Chronic Insane",
    location_type="hospital",
    era=(1880, 1900),
    city="Utica",
    state="New York",
    tags=("peeling paint", "bed frame", "window"),
    lines=("WARD 7B", "NO SMOKING", "Authorised personnel", "only beyond this point"),
)
PROBED = Probed("ollama", "0.33", "qwen3-vl:8b-instruct", "sha256:1", False, 8192)
ANSWER: dict[str, Any] = {
    "description": "A long corridor with tiled walls opens into a ward. A rusted gurney stands under a skylight: “7B”.",
    "condition_notes": "Plaster has fallen from the ceiling at the far end; the floor is wet.",
    "enhanced_tags": [
        {"tag": "gurney", "facet": "object", "evidence": "wheels and straps at left", "confidence": "certain"},
        {"tag": "skylight", "facet": "element", "evidence": "light from above", "confidence": "likely"},
        {"tag": "café table", "facet": "object", "evidence": "round top", "confidence": "possible"},
    ],
    "era_hints": [
        {"kind": "built", "from": 1890, "to": 1910, "evidence": "white glazed tiles"},
        {"kind": "used", "from": 1960, "to": 1975, "evidence": "strip lights"},
    ],
    "readable_text": ["WARD 7B", "NO SMOKlNG", "DANGER ASBESTOS"],
    "spatial_notes": "Doors on both sides, a stair at the end.",
    "architectural_style": "Kirkbride plan",
    "abandonment_estimate": {"from": 1985, "to": 1995, "confidence": 40, "evidence": "a calendar of 1987"},
}


def answer(**changes: Any) -> dict[str, Any]:
    """A sound answer with some fields changed."""
    made = copy.deepcopy(ANSWER)
    for name, value in changes.items():
        made[name] = value
    return made


def request(known: Known = KNOWN, prompt: str = PROMPT) -> Request:
    return Request(SYSTEM, prompt, b"", schema(FACETS), known, "template", 1500, 0.2, 1, 8192, "10m")


def reply(content: str, thinking: str = "", finish: Finish = "stop") -> Reply:
    return Reply(content, thinking, finish, json.dumps({"content": content}), 1.5, 1100, 300)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a JSON value fits a plain schema, by the standard; only the keywords that `answer.schema` uses."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = schema["type"]
    if kind == "string":
        return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30)
    if kind == "integer":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and schema["minimum"] <= value <= schema["maximum"]
    if kind == "array":
        few = isinstance(value, list) and len(value) <= schema["maxItems"]
        return few and all(fits(item, schema["items"]) for item in value)
    if kind != "object":
        raise NotImplementedError(kind)
    if not isinstance(value, dict) or not set(schema["required"]) <= set(value) <= set(schema["properties"]):
        return False
    return all(fits(value[name], schema["properties"][name]) for name in value)
