"""The OpenAPI document: schemas come from the records of the endpoints themselves."""

from functools import cache
from typing import Any

import msgspec

from monitor.api.endpoints import ENDPOINTS, JSON, Endpoint
from monitor.api.records import Hello, Step

_DESCRIPTION = (
    "Read-only, but for arming a breaker by hand. Numbers are decimal strings, times are integer "
    "nanoseconds since the epoch (UTC), ratios are 0 to 1, and what does not exist is null."
)


@cache
def openapi_document(version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    records: set[type[msgspec.Struct]] = {Hello, Step}
    for endpoint in ENDPOINTS:
        records.update(record for record, _ in endpoint.answers.values() if record)
        if endpoint.body is not None:
            records.add(endpoint.body)
    names = sorted(records, key=lambda record: record.__name__)
    references, schemas = msgspec.json.schema_components(
        names, ref_template="#/components/schemas/{name}"
    )
    reference_of = dict(zip(names, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "socialized-loss-monitor",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            endpoint.path: {"post" if endpoint.body else "get": _operation(endpoint, reference_of)}
            for endpoint in ENDPOINTS
        },
        "components": {"schemas": schemas},
    }


def _operation(
    endpoint: Endpoint, reference_of: dict[type[msgspec.Struct], dict[str, Any]]
) -> dict[str, Any]:
    responses = {}
    for status, (record, meaning) in endpoint.answers.items():
        schema = reference_of[record] if record else {}
        responses[str(status)] = {
            "description": meaning,
            "content": {endpoint.content_type: {"schema": schema}},
        }
    body = (
        {
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": reference_of[endpoint.body]}},
            }
        }
        if endpoint.body
        else {}
    )
    return {
        **body,
        "summary": endpoint.summary,
        "operationId": endpoint.path.strip("/").replace("/", "_").translate(_WITHOUT_BRACES),
        "parameters": [
            {
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.place == "path",
                "description": parameter.description,
                "schema": parameter.schema,
            }
            for parameter in endpoint.parameters
        ],
        "responses": responses,
    }


_WITHOUT_BRACES = str.maketrans({"{": "by_", "}": None, ".": "_"})
