"""Calls that carry many reports: each is answered by itself."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from pipeline_service.transport.errors import ERRORS
from servicekit.grpc_errors import RpcError, lookup

Entry = TypeVar("Entry", bound=Message)
Answer = TypeVar("Answer")


async def answer_each(
    entries: Sequence[Entry], answer: Callable[[Entry], Awaitable[Answer]], *, about: Callable[[Entry], Hashable]
) -> list[Answer]:
    """The answers in the order of the entries.

    What was said about one thing happened in that order, and is answered in it; the things know nothing of each other.
    """
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        places[about(entry)].append(place)
    answers: dict[int, Answer] = {}

    async def in_order(places: list[int]) -> None:
        for place in places:
            answers[place] = await answer(entries[place])

    await asyncio.gather(*map(in_order, places.values()))
    return [answers[place] for place in range(len(entries))]


def refusal(error: Exception) -> RpcError:
    """What an entry's error says to its caller. One that no table knows is a defect: logged whole, answered blandly."""
    answer = lookup(ERRORS, error)
    if answer is None:
        structlog.get_logger("pipeline_service.reports").error("report_failed", exc_info=error)
        answer = RpcError(
            code=grpc.StatusCode.INTERNAL,
            reason="INTERNAL",
            message="Internal error; the cause is in the service's log.",
        )
    return answer
