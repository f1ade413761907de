"""Capabilities: who holds one may report the result of exactly one execution under exactly one claim.

Sealed twice: with Ed25519 for the gateway, which holds public keys only, and with HMAC for this service, so that a
stolen gateway completes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from pipeline_service.domain.ids import Claim, ExecutionId, NodeUid
from pipeline_service.domain.keys import artifact_prefix
from pipeline_service.domain.model import Execution
from pipeline_service.domain.node_types.base import FFMPEG
from servicekit.tokens import InvalidToken, TokenIssuer

COMPLETE = "complete"
PROGRESS = "progress"
READ = "read"
"""Audiences."""
PROGRESS_PATH = "/spi/progress"
CALLBACK_PATH = "/spi/video_production/executor_callback"
FUNCTIONS = "invoke-lambda"
"""The node type whose work may read what it renders."""
RENDER_DATA_PATH = "/spi/node_render_data"
FAMILY_PATHS = {
    "tooling-job": "/spi/tooling_jobs/{execution}",
    "test-run": "/spi/test_runs/{execution}",
    "chatgpt-response": "/spi/chatgpt_responses",
    "ai-analysis": "/spi/ai_analysis",
}
"""Where results are reported, by the `kind` of an `invoke-lambda` node."""
# The fence decides about late callbacks; expiry only bounds how long a leaked URL is of use.
GRACE = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What a token says."""

    execution: ExecutionId
    claim: Claim
    node_uid: NodeUid
    executor_type: str
    audience: str
    key_prefix: str
    expires_at: datetime


def callback_path(execution: Execution) -> str:
    """The gateway's route for the result of an execution."""
    path = FAMILY_PATHS.get(str(execution.work.config.get("kind", "")), CALLBACK_PATH)
    return path.format(execution=execution.id)


class _Body(msgspec.Struct):
    execution: UUID
    claim: UUID
    node_uid: UUID
    executor_type: str
    audience: str
    key_prefix: str
    exp: int


class Capabilities:
    """Issues and verifies capabilities."""

    def __init__(self, issuer: TokenIssuer, *, gateway_url: str, internal_url: str | None = None) -> None:
        """Bases of addresses: of the gateway for callbacks, and of the one for internal callers where there is one."""
        self._issuer = issuer
        self._gateway_url = gateway_url.rstrip("/")
        self._internal_url = (internal_url or "").rstrip("/")

    def callback_url(self, execution: Execution, claim: Claim) -> str:
        """Where the result of a claimed execution may be reported to. A secret."""
        token = self._issued(execution, claim, COMPLETE)
        return f"{self._gateway_url}{callback_path(execution)}?{urlencode({'cap': token})}"

    def progress_url(self, execution: Execution, claim: Claim) -> str:
        """Where a function may tell how far it is, and nothing else; empty for other work. A secret."""
        if execution.work.node_type != FUNCTIONS and execution.task_queue not in FFMPEG.values():
            return ""
        token = self._issued(execution, claim, PROGRESS)
        return f"{self._gateway_url}{PROGRESS_PATH}?{urlencode({'cap': token})}"

    def render_data_url(self, execution: Execution, claim: Claim) -> str:
        """Where a function of a user may read what it renders; empty for other work, and where nobody serves that.

        A secret.
        """
        if not self._internal_url or execution.work.node_type != FUNCTIONS:
            return ""
        path = f"{RENDER_DATA_PATH}/{execution.node_uid}"
        return f"{self._internal_url}{path}?{urlencode({'cap': self._issued(execution, claim, READ)})}"

    def _issued(self, execution: Execution, claim: Claim, audience: str) -> str:
        if execution.close_due_at is None:
            raise ValueError(f"execution {execution.id} was never started")
        body = _Body(
            execution=execution.id,
            claim=claim,
            node_uid=execution.node_uid,
            executor_type=execution.work.node_type,
            audience=audience,
            key_prefix=artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, claim),
            exp=int((execution.close_due_at + GRACE).timestamp()),
        )
        return self._issuer.issue(msgspec.json.encode(body))

    def verify(self, token: str) -> Capability:
        """What a token of ours says. Raises InvalidToken; expiry is the caller's to judge."""
        try:
            body = msgspec.json.decode(self._issuer.verify(token), type=_Body)
        except msgspec.DecodeError as error:
            raise InvalidToken("token refused") from error
        return Capability(
            execution=ExecutionId(body.execution),
            claim=Claim(body.claim),
            node_uid=NodeUid(body.node_uid),
            executor_type=body.executor_type,
            audience=body.audience,
            key_prefix=body.key_prefix,
            expires_at=datetime.fromtimestamp(body.exp, UTC),
        )
