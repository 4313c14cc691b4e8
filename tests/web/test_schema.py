"""The OpenAPI document, and what schemathesis makes of it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.driving import quick_settings
from tests.web.calling import Caller
from web.app import create_app
from web.door import Door
from worker.runtime import open_runtime

_RUNTIME = open_runtime(quick_settings("sqlite://"))
DOCUMENT = create_app(Door(_RUNTIME)).openapi()
_RUNTIME.close()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/x-ndjson")
def _as_it_is(_context: object, value: object) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_the_document_allows_or_forbids_breaks_the_door(
    case: schemathesis.Case, quick_caller: Caller
) -> None:
    case.call_and_validate(
        base_url=quick_caller.url,
        headers={"Authorization": f"Bearer {quick_caller.key}"},
        checks=CHECKS,
    )


def test_the_document_is_openapi_3_1_with_an_example_for_every_body() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    for path, methods in DOCUMENT["paths"].items():
        for method, told in methods.items():
            assert told["summary"], (method, path)
            if path.startswith("/v1"):
                assert {"401", "429", "503"} <= told["responses"].keys(), path
                assert told["security"], path
    creating = DOCUMENT["paths"]["/v1/campaigns"]["post"]["requestBody"]["content"]["application/json"]
    assert set(creating["examples"]) == {"now", "later", "draft"}
    assert "schema" in creating


@pytest.mark.parametrize("name", ["now", "later", "draft"])
def test_every_example_is_taken(quick_caller: Caller, name: str) -> None:
    examples = DOCUMENT["paths"]["/v1/campaigns"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    quick_caller.post("/v1/campaigns", examples[name]["value"], 201)


def test_the_page_of_documentation_has_everything_and_loads_nothing(quick_caller: Caller) -> None:
    page = quick_caller.send("GET", "/docs").text
    for path in DOCUMENT["paths"]:
        assert path in page
    assert "canary_errors" in page
    assert "november-2026" in page
    assert "<script" not in page
    assert "://" not in page
