"""The REST API against its own description: whatever is sent, no answer is a fault of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import (
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import web_photos
from serve_kit import API, Served, serving
from urbextag.web.api.common import Error
from urbextag.web.app import make_app
from urbextag.web.guards import Policy
from urbextag.web.site import Site
from web_photos import KEY_ENV, SECRET, Kept

EXAMPLES = 12
"""Of each operation: fields at their bounds, beyond them, of other kinds, and drawn at random."""
ENDLESS = API + "/events"
"""A stream without an end; test_web_server.py listens to it."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return web_photos.make(tmp_path_factory.mktemp("api") / "archive")


@pytest.fixture(scope="module")
def served(kept: Kept) -> Iterator[Served]:
    with serving(kept.root, worker=False, HF_ENDPOINT=NOWHERE, **{KEY_ENV: SECRET}) as served:
        yield served


def described() -> dict[str, Any]:
    """What the app says of its API; no archive is needed for that."""
    guard = make_app(cast(Site, None), Policy(frozenset()))
    return dict(cast(FastAPI, guard.app).openapi())


def config() -> SchemathesisConfig:
    generation = GenerationConfig(max_examples=EXAMPLES, deterministic=True)
    return SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))


API_SCHEMA = schemathesis.openapi.from_dict(described(), config=config()).exclude(path=ENDLESS)


@API_SCHEMA.parametrize()
@API_SCHEMA.given(known=st.booleans())
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_a_fault_of_the_server(case: Any, known: bool, served: Served, kept: Kept) -> None:
    if known:  # else an id that the archive does not know
        ids = {"sha": kept.sha, "locid": kept.locid}
        case.path_parameters = {name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
    case.call_and_validate(base_url=str(served.client.base_url), checks=CHECKS, timeout=30)


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_says_what_it_does() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))
    unbounded = []
    for name, operation in operations():
        assert operation["summary"] and operation["tags"], name
        assert len(operation.get("description", "")) > 10, f"{name} has no docstring"
        for parameter in operation.get("parameters", ()):
            if not bounded(parameter["schema"]):
                unbounded.append(f"{name}: {parameter['name']}")
    for name, model in described()["components"]["schemas"].items():
        if model.get("additionalProperties") is False:  # what is sent, as Body has it
            unbounded += [f"{name}.{field}" for field, schema in model["properties"].items() if not bounded(schema)]
    assert not unbounded


def bounded(schema: dict[str, Any]) -> bool:
    """Whether what may be sent is limited; SQLite and a page take only so much."""
    if "anyOf" in schema:
        return all(bounded(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema or "$ref" in schema:
        return True
    if schema["type"] in ("integer", "number"):
        return "maximum" in schema or "exclusiveMaximum" in schema
    if schema["type"] == "string":
        return "maxLength" in schema or "pattern" in schema
    if schema["type"] == "object":
        return "propertyNames" in schema  # of a few names
    return schema["type"] in ("boolean", "null") or ("maxItems" in schema and bounded(schema["items"]))


def test_every_error_has_the_form_that_is_described(served: Served, kept: Kept) -> None:
    for name, operation in operations():
        if name == f"GET {ENDLESS}":
            continue
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Error"), (name, status)
    wrong = [
        served.client.get(API + "/images/nothing"),
        served.client.get(API + "/nothing"),
        served.client.put(API + "/status"),
        served.client.post(API + "/queue/pause", json={"no": "such field"}),
        served.client.post(API + "/queue/pause", content=b"{", headers={"content-type": "application/json"}),
        served.client.get(API + "/status", headers={"host": "evil.example"}),
        served.client.post(API + "/queue/pause", headers={"origin": "null"}),
    ]
    assert [answer.status_code for answer in wrong] == [404, 404, 405, 422, 422, 421, 403]
    for answer in wrong:
        said = Error.model_validate(answer.json(), strict=True).error
        assert said.message and said.remedy
