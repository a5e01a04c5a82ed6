"""The OpenAPI document is valid, complete, and says what the application does."""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from monitor.api.desk import Desk
from monitor.api.openapi import openapi_document
from monitor.api.routes import Api
from monitor.api.stream import StreamHub

SPECIFICATION = Path(__file__).parent / "openapi-3.1-schema.json"


def test_the_document_is_valid_openapi() -> None:
    schema = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    jsonschema.validate(openapi_document("1"), schema, cls=jsonschema.Draft202012Validator)


def test_every_reference_leads_somewhere() -> None:
    document = openapi_document("1")
    names = set(document["components"]["schemas"])
    assert {reference.rpartition("/")[2] for reference in references_in(document)} <= names


def references_in(value: Any) -> set[str]:
    """Return all `$ref` values below a value."""
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references_in(child) for child in value.values()))
    if isinstance(value, list):
        return set().union(*(references_in(child) for child in value))
    return set()


def test_every_route_is_described_and_nothing_else(desk: Desk) -> None:
    routes = {route.path for route in Api(desk, StreamHub(desk)).routes()}
    described = set(openapi_document("1")["paths"])
    assert {path.replace(":path}", "}") for path in routes} == described


async def test_the_application_serves_the_document(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/openapi.json")
    assert response.json() == json.loads(json.dumps(openapi_document("1.2.3")))
