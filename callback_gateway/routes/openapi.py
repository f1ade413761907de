"""GET /spi/openapi.json: the interface as it is, made from the tables that serve it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callback_gateway.routes.families import FAMILIES, Family
from callback_gateway.routes.webhooks import PLATFORMS, PREFIX

PATH = "/spi/openapi.json"

_WORDS = {"type": "string"}
_ERROR = {"type": "object", "properties": {"error": _WORDS}, "required": ["error"]}
_ERRORS = {
    "type": "object",
    "properties": {"errors": {"type": "object", "additionalProperties": {"type": "array", "items": _WORDS}}},
    "required": ["errors"],
}
_OK = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
_IGNORED = {
    "type": "object",
    "properties": {
        "status": {"const": "ignored"},
        "reason": {"enum": ["stale_callback", "conflict", "gone"]},
    },
    "required": ["status", "reason"],
}
_CREATED = {"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}}, "required": ["id"]}
_RETRY_AFTER = {
    "description": "When to come back, s.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}

# Answers without a body end the connection: the request came too slowly, or its head is too large.
_OF_ALL: Mapping[int, tuple[str, Any]] = {
    400: ("Not what this route takes; the words name the field.", _ERROR),
    408: ("Head or body came too slowly.", None),
    413: ("The body is too large.", _ERROR),
    429: ("Too many requests of this address, or about this execution.", _ERROR),
    431: ("The head is too large.", None),
    503: ("Cannot be recorded now.", _ERROR),
}
_OF_CALLBACKS: Mapping[int, tuple[str, Any]] = {
    200: ("Recorded, now or before; or provably too late, and ignored.", {"oneOf": [_OK, _IGNORED]}),
    401: ("No capability, several, or not a good one.", _ERROR),
    410: ("The capability was good, and has expired.", _ERROR),
    415: ("Not declared as plain application/json.", _ERROR),
    422: ("The report disagrees with its capability, or says what cannot be taken.", {"oneOf": [_ERROR, _ERRORS]}),
}
_OF_WEBHOOKS: Mapping[int, tuple[str, Any]] = {
    200: ("Dealt with, now or before.", _OK),
    401: ("Not signed with a live secret, or too old.", _ERROR),
}
# Vendors without a secret have no route, so that they are not described.
_OF_PLATFORMS: Mapping[int, tuple[str, Any]] = {404: ("There is no secret of this source.", _ERROR)}


def route(sources: Iterable[str]) -> Route:
    """Serves the description of all callbacks, and of the webhooks of `sources`."""
    content = msgspec.json.encode(description(sources))

    async def show(_request: Request) -> Response:
        return Response(content, media_type="application/json")

    return Route(PATH, show, methods=["GET"])


def description(sources: Iterable[str]) -> dict[str, Any]:
    """The interface as OpenAPI 3.1."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for family in FAMILIES:
        paths.setdefault(family.path, {})[family.method.lower()] = _callback(family, schemas)
    for source in sources:
        paths[PREFIX + source] = {"post": _webhook(source)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Montage callback gateway",
            "version": "1",
            "description": "Results and progress of work that runs elsewhere, and webhooks.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "capability": {"type": "http", "scheme": "bearer"},
                "capabilityInQuery": {"type": "apiKey", "in": "query", "name": "cap"},
            },
        },
    }


def _callback(family: Family, schemas: dict[str, Any]) -> dict[str, Any]:
    reference = f"#/components/schemas/{family.name}{{name}}"
    (body,), parts = msgspec.json.schema_components([family.provider.Body], ref_template=reference)
    schemas |= {f"{family.name}{name}": schema for name, schema in parts.items()}
    answers = {**_OF_ALL, **_OF_CALLBACKS}
    if family.is_creation:
        answers[201] = ("Recorded, now or before.", _CREATED)
        answers[200] = ("Provably too late, and ignored.", _IGNORED)
    operation = {
        "operationId": family.name,
        "summary": (family.provider.Body.__doc__ or family.name).partition("\n")[0],
        "security": [{"capability": []}, {"capabilityInQuery": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": body,
                    "examples": {name: {"value": value} for name, value in family.provider.EXAMPLES.items()},
                }
            },
        },
        "responses": _responses(answers),
    }
    if "{id}" in family.path:
        identifier = {"description": "The execution.", "schema": {"type": "string", "format": "uuid"}}
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, **identifier}]
    return operation


def _webhook(source: str) -> dict[str, Any]:
    answers = {**_OF_ALL, **_OF_WEBHOOKS, **(_OF_PLATFORMS if source in PLATFORMS else {})}
    return {
        "operationId": f"webhook_{source}",
        "summary": f"A delivery of {source}, signed by it.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": _responses(answers),
    }


def _responses(answers: Mapping[int, tuple[str, Any]]) -> dict[str, Any]:
    return {str(status): _response(status, *answer) for status, answer in sorted(answers.items())}


def _response(status: int, words: str, schema: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"description": words}
    if schema is not None:
        response["content"] = {"application/json": {"schema": schema}}
    if status in (429, 503):
        response["headers"] = {"Retry-After": _RETRY_AFTER}
    return response
