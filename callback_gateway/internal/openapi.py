"""GET /internal/openapi.json: what the internal process answers to whom, as OpenAPI 3.1."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callback_gateway.internal.guard import HEADER
from callback_gateway.internal.secrets import LLM_VENDORS, OAUTH_PROVIDER_PATTERN, UID_PATTERN

PATH = "/internal/openapi.json"
_Schema = Mapping[str, Any]


def _object(**properties: _Schema) -> _Schema:
    """All of them are always there, and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


_TEXT: _Schema = {"type": "string"}
_TEXT_OR_NULL: _Schema = {"type": ["string", "null"]}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: _Schema = {"type": ["number", "null"]}
_TIME: _Schema = {"type": "string", "format": "date-time"}
_UUID: _Schema = {"type": "string", "format": "uuid"}
_METRICS: Mapping[str, _Schema] = {
    "executions": _object(total=_COUNT, succeeded=_COUNT, failed=_COUNT),
    "duration_s": _object(p50=_NUMBER_OR_NULL, p95=_NUMBER_OR_NULL, p99=_NUMBER_OR_NULL),
    "failures": _list(_object(error_type=_TEXT, count=_COUNT, rate={"type": "number"})),
    "cost_micros": _COUNT,
}
_OUTPUT = _object(
    type=_TEXT, s3Key=_TEXT_OR_NULL, size=_COUNT, contentType=_TEXT, duration=_NUMBER_OR_NULL, content=_TEXT_OR_NULL
)
_INPUT = _object(
    slot=_TEXT, node_uuid=_TEXT, node=_TEXT, output={"oneOf": [_OUTPUT, {"type": "null"}]}, url=_TEXT_OR_NULL
)
_RENDER_DATA = _object(
    node_uuid=_TEXT,
    node=_TEXT,
    type=_TEXT,
    title=_TEXT,
    config={"type": "object"},
    inputs=_list(_INPUT),
    expires_at=_TIME,
)

_ERROR = _object(error=_TEXT)
_REFUSALS: Mapping[int, tuple[str, _Schema | None]] = {
    401: ("Not a live token and a listed certificate, nor a capability for this. Says no more.", _ERROR),
    404: ("There is none, or the caller may not know.", _ERROR),
    408: ("Head or body came too slowly; the connection is closed.", None),
    431: ("The head is too large; the connection is closed.", None),
    502: ("The pipeline service did not answer, or with a failure.", _ERROR),
    503: ("The operator has set no tokens, or the pipeline service no master keys.", _ERROR),
}
_EXPIRED = {410: ("The capability was good, and has expired.", _ERROR)}
_GUARDED: list[dict[str, list[str]]] = [{"token": [], "certificate": []}]
_READABLE: list[dict[str, list[str]]] = [*_GUARDED, {"capability": []}, {"capabilityInQuery": []}]

_UID: _Schema = {"type": "string", "pattern": f"^{UID_PATTERN}$"}
_OAUTH_PROVIDER: _Schema = {"type": "string", "pattern": f"^{OAUTH_PROVIDER_PATTERN}$"}


def route() -> Route:
    """Serves the description, to everybody who reaches the process: it tells of no user."""
    content = msgspec.json.encode(description())

    async def show(_request: Request) -> Response:
        return Response(content, media_type="application/json")

    return Route(PATH, show, methods=["GET"])


def description() -> dict[str, Any]:
    """The interface as OpenAPI 3.1."""
    users = "/internal/users/{uid}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Montage internal gateway",
            "version": "1",
            "description": "Secrets of users, for services that work for them; facts for renderers and analysis.",
        },
        "paths": {
            f"{users}/llm-keys": _guarded(
                "llm_keys",
                "The user's keys at vendors of language models, null where there is none.",
                _object(**dict.fromkeys(LLM_VENDORS, _TEXT_OR_NULL)),
                uid=_UID,
            ),
            f"{users}/llm-keys/{{provider}}/last-used": _guarded(
                "llm_key_used",
                "Notes that a key was used.",
                _object(status={"const": "ok"}),
                method="post",
                uid=_UID,
                provider={"enum": list(LLM_VENDORS)},
            ),
            f"{users}/oauth/{{provider}}/token": _guarded(
                "oauth_token",
                "The user's token at a provider, and until when it is good.",
                _object(token=_TEXT, expires_at={"oneOf": [_TIME, {"type": "null"}]}),
                uid=_UID,
                provider=_OAUTH_PROVIDER,
            ),
            "/internal/notion/users/{uid}/context": _guarded(
                "notion_context",
                "Whether the user has connected Notion, and the token.",
                _object(connected={"type": "boolean"}, token=_TEXT_OR_NULL),
                uid=_UID,
            ),
            "/spi/node_render_data/{node}": _readable(
                "node_render_data", "What a node is rendered from.", _RENDER_DATA, node=_UUID
            ),
            "/spi/analytics/pipeline_metrics/{pipeline}": _readable(
                "pipeline_metrics",
                "How the executions of a pipeline went.",
                _object(
                    pipeline=_TEXT,
                    nodes={"type": "object", "additionalProperties": _COUNT},
                    **_METRICS,
                    node_types=_list(_object(node_type=_TEXT, **_METRICS)),
                ),
                pipeline=_UUID,
            ),
            "/spi/analytics/node_type_patterns/{type}": _readable(
                "node_type_patterns",
                "How the executions of a node type went.",
                _object(node_type=_TEXT, **_METRICS, providers=_list(_object(provider=_TEXT, **_METRICS))),
                type=_TEXT,
            ),
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": HEADER},
                "certificate": {"type": "mutualTLS"},
                "capability": {"type": "http", "scheme": "bearer"},
                "capabilityInQuery": {"type": "apiKey", "in": "query", "name": "cap"},
            }
        },
    }


def _guarded(name: str, summary: str, answer: _Schema, *, method: str = "get", **parameters: _Schema) -> dict[str, Any]:
    answers = {200: ("Answered; no cache may keep it.", answer), **_REFUSALS}
    return {method: _operation(name, summary, answers, security=_GUARDED, parameters=parameters)}


def _readable(name: str, summary: str, answer: _Schema, **parameters: _Schema) -> dict[str, Any]:
    answers = {200: ("Answered; no cache may keep it.", answer), **_REFUSALS, **_EXPIRED}
    return {"get": _operation(name, summary, answers, security=_READABLE, parameters=parameters)}


def _operation(
    name: str,
    summary: str,
    answers: Mapping[int, tuple[str, _Schema | None]],
    *,
    security: list[dict[str, list[str]]],
    parameters: Mapping[str, _Schema],
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "security": security,
        "parameters": [
            {"name": parameter, "in": "path", "required": True, "schema": schema}
            for parameter, schema in parameters.items()
        ],
        "responses": {
            str(status): {"description": words}
            | ({"content": {"application/json": {"schema": schema}}} if schema else {})
            for status, (words, schema) in sorted(answers.items())
        },
    }
