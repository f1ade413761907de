"""GET and POST /internal/…: secrets of users, for the services that work on their behalf."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from callback_gateway.internal.endpoints import Endpoints
from callback_gateway.internal.pipeline import NothingThere, PipelineCalls

LLM_VENDORS = ("google", "openai", "anthropic")
NOTION = "notion"
UID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._@|-]{0,127}"
OAUTH_PROVIDER_PATTERN = r"[a-z0-9][a-z0-9-]{0,50}"


@dataclass(frozen=True, kw_only=True)
class UserSecrets:
    """Owner `users/<uid>`; vendors as below. Nothing is kept here, and nothing logged."""

    calls: PipelineCalls

    def routes(self, endpoints: Endpoints) -> list[Route]:
        users = "/internal/users/{uid}"
        return [
            endpoints.guarded(f"{users}/llm-keys", self.llm_keys),
            endpoints.guarded(f"{users}/llm-keys/{{provider}}/last-used", self.llm_key_used, method="POST"),
            endpoints.guarded(f"{users}/oauth/{{provider}}/token", self.oauth_token),
            endpoints.guarded("/internal/notion/users/{uid}/context", self.notion_context),
        ]

    async def llm_keys(self, request: Request, _capability: str) -> dict[str, str | None]:
        """All three, null where the user has none."""
        owner = _owner(request)
        found = await asyncio.gather(*(self.calls.secret_or_none(owner, vendor) for vendor in LLM_VENDORS))
        return dict(zip(LLM_VENDORS, found, strict=True))

    async def llm_key_used(self, request: Request, _capability: str) -> dict[str, str]:
        provider = request.path_params["provider"]
        if provider not in LLM_VENDORS:
            raise NothingThere
        await self.calls.touch(_owner(request), provider)
        return {"status": "ok"}

    async def oauth_token(self, request: Request, _capability: str) -> dict[str, str | None]:
        provider = request.path_params["provider"]
        if not re.fullmatch(OAUTH_PROVIDER_PATTERN, provider):
            raise NothingThere
        found = await self.calls.secret(_owner(request), f"oauth-{provider}")
        expires_at = None
        if found.credential.HasField("expire_time"):
            expires_at = found.credential.expire_time.ToDatetime(UTC).isoformat()
        return {"token": found.value, "expires_at": expires_at}

    async def notion_context(self, request: Request, _capability: str) -> dict[str, Any]:
        token = await self.calls.secret_or_none(_owner(request), NOTION)
        return {"connected": token is not None, "token": token}


def _owner(request: Request) -> str:
    """Raises NothingThere for what is no id of a user."""
    uid: str = request.path_params["uid"]
    if not re.fullmatch(UID_PATTERN, uid):
        raise NothingThere
    return f"users/{uid}"
