"""Requests that call forth each answer of each operation that the gateway describes."""

import asyncio
import hmac
import json
from dataclasses import dataclass
from typing import Any

import grpc

from tests.integration.gateway.raw import connected
from tests.integration.gateway.rig import Refusal, Rig
from tests.unit.gateway.capabilities import EXECUTION, NODE, just_expired

SECRET = "whsec_demo"
AWAY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
UNREADABLE = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
UNSIGNED = (grpc.StatusCode.UNAUTHENTICATED, "SIGNATURE_INVALID")
UNKNOWN = (grpc.StatusCode.NOT_FOUND, "WEBHOOK_NOT_CONFIGURED")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One of the description, and how to call it."""

    rig: Rig
    name: str
    method: str
    path: str
    described: dict[str, Any]

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.described["responses"]}

    @property
    def example(self) -> bytes:
        """A body that is taken, if its capability is for it."""
        if "webhooks" in self.path:
            return b'{"event_type":"avatar_video.success","event_data":{"video_id":"v1"}}'
        examples = self.described["requestBody"]["content"]["application/json"]["examples"]
        body = examples["error" if "error" in examples else next(iter(examples))]["value"]
        return json.dumps(body | {"node_uuid": NODE, "executor_type": "invoke-lambda"}).encode()

    async def send(self, body: bytes, *, cap: str | None = None, refusal: Any = None, **headers: str) -> int:
        """The status of the answer; `refusal` is what the pipeline service says."""
        if refusal is not None:
            self.rig.service.refusals.append(Refusal(*refusal))
        token = cap or self.rig.keys.issue(executor_type="invoke-lambda")
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        usual = {"content-type": "application/json", "authorization": f"Bearer {token}", "signature": signature}
        sent = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.rig.client.request(self.method, self.path, content=body, headers=sent)
        self.rig.service.refusals.clear()
        return response.status_code

    async def send_slowly(self) -> int:
        token = self.rig.keys.issue(executor_type="invoke-lambda")
        return await self._send_head(f"Authorization: Bearer {token}\r\nContent-Length: 5\r\n\r\n{{")

    async def send_large_head(self) -> int:
        return await self._send_head(f"X-Large: {'x' * 17_000}\r\nContent-Length: 2\r\n\r\n{{}}")

    async def _send_head(self, rest: str) -> int:
        start = f"{self.method} {self.path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
        async with connected(self.rig) as caller:
            await caller.send((start + rest).encode())
            return int((await caller.everything()).split()[1])


def operations(rig: Rig, document: dict[str, Any]) -> list[Operation]:
    return [
        Operation(
            rig=rig,
            name=described["operationId"],
            method=method.upper(),
            path=path.replace("{id}", EXECUTION),
            described=described,
        )
        for path, item in document["paths"].items()
        for method, described in item.items()
    ]


async def provoked(operation: Operation) -> set[int]:
    """Every answer but 429, which needs a gateway that counts."""
    slow, large_head = await asyncio.gather(operation.send_slowly(), operation.send_large_head())
    too_large = await operation.send(b"x" * (1024 * 1024 + 1))
    specific = _of_webhook(operation) if "webhooks" in operation.path else _of_callback(operation)
    return {slow, large_head, too_large, *await specific}


async def _of_callback(operation: Operation) -> list[int]:
    body, issue = operation.example, operation.rig.keys.issue
    statuses = [
        await operation.send(body),
        await operation.send(b"{"),
        await operation.send(body, cap="garbage"),
        await operation.send(body, cap=issue(exp=just_expired())),
        await operation.send(body, content_type="text/plain"),
        await operation.send(body, cap=issue(executor_type="invoke-lambda", node_uid="other", execution="other")),
        await operation.send(b'{"node_uuid":"other","executor_type":"invoke-lambda","error":"x"}'),
        await operation.send(body, cap=issue(executor_type="merge-videos")),
        await operation.send(body, refusal=AWAY),
    ]
    operation.rig.service.disposition = "SUPERSEDED"
    statuses.append(await operation.send(body))
    operation.rig.service.disposition = "APPLIED"
    return statuses


async def _of_webhook(operation: Operation) -> list[int]:
    body = operation.example
    if operation.name == "webhook_heygen":
        fresh = body.replace(b"v1", b"v2")
        return [
            await operation.send(body, refusal=AWAY),
            await operation.send(fresh),
            await operation.send(b"{"),
            await operation.send(body, signature="00"),
        ]
    return [
        await operation.send(body),
        await operation.send(body, refusal=AWAY),
        await operation.send(body, refusal=UNREADABLE),
        await operation.send(body, refusal=UNSIGNED),
        await operation.send(body, refusal=UNKNOWN),
    ]
