"""The table of callbacks: one line for each kind of report that the outside may send."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from callback_gateway.providers import (
    ai_analysis,
    chatgpt_responses,
    executor_callback,
    progress,
    test_runs,
    tooling_jobs,
)
from callback_gateway.providers.masking import Json
from callback_gateway.report import Report
from callback_gateway.tokens import COMPLETE, PROGRESS


class Provider(Protocol):
    """A module of `providers`: what a body looks like, and how it becomes a report."""

    @property
    def Body(self) -> type[msgspec.Struct]: ...  # noqa: N802 # the name of a class

    @property
    def EXAMPLES(self) -> Mapping[str, Json]: ...  # noqa: N802 # the name of a constant

    def parse(self, body: bytes) -> Report: ...


@dataclass(frozen=True, kw_only=True)
class Family:
    """One line of the table."""

    name: str
    """In metrics and in the description of the interface."""
    method: str
    path: str
    """With `{id}` where the caller names the execution."""
    provider: Provider
    is_large: bool = False
    """Whether bodies bring results along, and so may be larger."""
    is_creation: bool = False
    """Whether a report that is recorded is answered as something that was made."""
    audiences: tuple[str, ...] = (COMPLETE,)


EXECUTOR_CALLBACK = Family(
    name="executor_callback",
    method="POST",
    path="/spi/video_production/executor_callback",
    provider=executor_callback,
)

FAMILIES = (
    EXECUTOR_CALLBACK,
    Family(name="tooling_jobs", method="PATCH", path="/spi/tooling_jobs/{id}", provider=tooling_jobs, is_large=True),
    Family(
        name="test_runs_create",
        method="POST",
        path="/spi/test_runs",
        provider=test_runs,
        is_large=True,
        is_creation=True,
    ),
    Family(name="test_runs", method="PATCH", path="/spi/test_runs/{id}", provider=test_runs, is_large=True),
    Family(
        name="chatgpt_responses",
        method="POST",
        path="/spi/chatgpt_responses",
        provider=chatgpt_responses,
        is_large=True,
    ),
    Family(name="ai_analysis", method="POST", path="/spi/ai_analysis", provider=ai_analysis, is_large=True),
    Family(name="progress", method="POST", path="/spi/progress", provider=progress, audiences=(PROGRESS, COMPLETE)),
)
