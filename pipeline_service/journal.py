"""Tells the log, the watches and the memory of this process, and the workers concerned, what was committed."""

import asyncio
from collections.abc import Callable

import structlog

from pipeline_service.commands.places import Places
from pipeline_service.commands.windows import Windows
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.relay.controls import Controls
from pipeline_service.spans import EndedSpans
from pipeline_service.transport.watchers import Watchers
from servicekit.tracing import trace_id_of


class LoggedJournal:
    """Names each event in the log by its type, one line per transition with its ids as fields."""

    def __init__(
        self,
        watchers: Watchers,
        *,
        controls: Controls,
        raise_alarm: Callable[[str], None],
        places: Places,
        wakes: asyncio.Event,
        windows: Windows,
        spans: EndedSpans,
    ) -> None:
        """`wakes` is set when a commit left wakes; others' are found by looking."""
        self._watchers = watchers
        self._controls = controls
        self._raise_alarm = raise_alarm
        self._places = places
        self._wakes = wakes
        self._windows = windows
        self._spans = spans
        self._log = structlog.get_logger("pipeline_service.journal").bind()

    def committed(self, working_set: WorkingSet) -> None:
        self._places.remember(working_set.dispatches)
        self._windows.committed(working_set)
        for event in working_set.events:
            fields = {
                "node": event.node_id,
                "run_id": event.run_id,
                "execution_id": event.execution_id,
                "attempt": event.attempt or None,
                "reason": event.message or None,
                "trace_id": trace_id_of(working_set.trace_of(event.run_id)) or None,
            }
            self._log.info(
                event.type.lower(),
                pipeline=working_set.structures[event.pipeline_uid].pipeline_id,
                **{name: str(value) for name, value in fields.items() if value is not None},
            )
        self._spans.committed(working_set)
        for alarm in working_set.alarms:
            self._raise_alarm(alarm)
        self._controls.send(working_set.interrupted)
        if working_set.owes_wakes:
            self._wakes.set()
        self._watchers.wake(working_set.shown | {event.pipeline_uid for event in working_set.events})
