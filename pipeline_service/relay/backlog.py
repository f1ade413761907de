"""What lies in the stream, told by the stamps of its messages; their bytes are the workers' business."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from pipeline_service.commands.errors import Unavailable
from pipeline_service.commands.ports import QueuedMessage
from pipeline_service.domain.ids import ExecutionId
from pipeline_service.relay.stream import STREAM

_STAMP = re.compile(r"([0-9a-f-]{36})\.(\d+)(\.poll)?")
_ANY = "work.>"
_NOBODY = ExecutionId(UUID(int=0))
"""Stands for what no stamp names: no execution has this id."""


class StreamBacklog:
    """Reads one message at a time, since the stream offers no more: a look is for now and then."""

    def __init__(self, jetstream: JetStreamContext) -> None:
        self._jetstream = jetstream

    async def look(self, *, after: int, older_than: timedelta, limit: int) -> Sequence[QueuedMessage]:
        newest = datetime.now(UTC) - older_than
        found: list[QueuedMessage] = []
        while len(found) < limit:
            message = await self._next(after)
            if message is None or message.seq is None or (message.time is not None and message.time > newest):
                break
            after = message.seq
            found.append(_read(message, after))
        return found

    async def remove(self, place: int) -> None:
        try:
            await self._jetstream.delete_msg(STREAM, place)
        except APIError:
            return  # acknowledged or removed meanwhile
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the work queue did not answer: {type(error).__name__}") from error

    async def _next(self, after: int) -> RawStreamMsg | None:
        try:
            return await self._jetstream.get_msg(STREAM, seq=after + 1, subject=_ANY, next=True)
        except NotFoundError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the work queue did not answer: {type(error).__name__}") from error


def _read(message: RawStreamMsg, place: int) -> QueuedMessage:
    stamp = _STAMP.fullmatch((message.headers or {}).get("Nats-Msg-Id", ""))
    if stamp is None:
        return QueuedMessage(place=place, execution_id=_NOBODY, number=0, is_poll=False)
    execution_id = ExecutionId(UUID(stamp[1]))
    return QueuedMessage(place=place, execution_id=execution_id, number=int(stamp[2]), is_poll=stamp[3] is not None)
