"""Answers a request that is repeated as it was answered first."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from google.protobuf.message import Message

from pipeline_service.commands.errors import PipelineError, RequestIdReused, Unavailable
from pipeline_service.commands.ports import Caller, CrashPoint, RequestKey, Requests

Answer = TypeVar("Answer", bound=Message)
MAX_ANSWER_BYTES = 64 * 1024


class Repeats:
    """Remembers requests that carry an id: in the transaction of their effect, with their answer behind it."""

    def __init__(self, requests: Requests, *, crash_point: CrashPoint) -> None:
        self._requests = requests
        self._crash_point = crash_point

    async def once(
        self,
        request: Any,
        caller: Caller,
        *,
        answer_type: type[Answer],
        act: Callable[[Caller], Awaitable[Answer]],
        rebuild: Callable[[str], Awaitable[Answer]],
    ) -> Answer:
        """Act, unless the request was made before: then answer what it was answered, or what its resource says now.

        A rehearsal has no effect, so there is nothing to be remembered of it. Raises RequestIdReused when the id came
        with another request before.
        """
        if not request.request_id or getattr(request, "validate_only", False):
            return await act(caller)
        key = _key(request, caller)
        found = await self._requests.recall(key)
        if found is None:
            try:
                answer = await act(replace(caller, request=key))
            except PipelineError:
                # Perhaps refused only since it was made at the same moment, here or at another replica, and is done.
                found = await self._requests.recall(key)
                if found is None:
                    raise
            else:
                await self._crash_point("request.after_commit")
                await self._keep(key, answer)
                await self._crash_point("request.after_keep")
                return answer
        if found.sha256 != key.sha256:
            raise RequestIdReused(f"request id '{key.request_id}' came with another {key.method} before")
        return await rebuild(found.resource) if found.answer is None else answer_type.FromString(found.answer)

    async def _keep(self, key: RequestKey, answer: Message) -> None:
        encoded = answer.SerializeToString()
        if len(encoded) > MAX_ANSWER_BYTES:
            return
        try:
            await self._requests.keep_answer(key, encoded)
        except Unavailable:
            # The effect is committed and the caller gets its answer; a repeat is answered from the resource.
            return


def _key(request: Any, caller: Caller) -> RequestKey:
    return RequestKey(
        owner=caller.owner,
        identity=caller.identity,
        method=type(request).__name__.removesuffix("Request"),
        request_id=request.request_id,
        sha256=hashlib.sha256(request.SerializeToString(deterministic=True)).digest(),
    )
