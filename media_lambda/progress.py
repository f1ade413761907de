"""How far a job is: in the log in large steps, and to whoever watches it now and then.

Films are made in a few runs of FFmpeg. Each is given its share of the whole work, so that what is told only ever grows.
"""

import time
from collections.abc import Callable
from typing import Any

from media_lambda.log import log

_EVERY_S = 2.0
_FIRST_AFTER_S = 1.0
"""What is over sooner is told by its result."""
_LOGGED_STEP = 0.25
_MAX_STAGE_CHARACTERS = 64


class Progress:
    """Of one job."""

    def __init__(
        self,
        *,
        tell: Callable[[dict[str, Any]], bool] | None,
        total: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` takes a report and answers whether it arrived; None where nobody watches.

        `total` is what all shares come to.
        """
        self._tell = tell
        self._total = total
        self._clock = clock
        self._next_s = clock() + _FIRST_AFTER_S
        self._done = 0.0

    def command(self, purpose: str, *, share: float, output_s: float) -> "CommandProgress":
        """Begin the next run, which is this share of the job."""
        begun = self._done
        self._done += share
        return CommandProgress(self, purpose, begun=begun, share=share, output_s=output_s)

    def report(self, stage: str, done: float) -> None:
        """Tell it when it is time. Nobody who does not answer is asked again: the work matters more."""
        now_s = self._clock()
        if self._tell is None or now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        percent = round(100 * min(done / self._total, 1.0), 1)
        if not self._tell({"event": "progress", "progress": percent, "message": stage[:_MAX_STAGE_CHARACTERS]}):
            log("progress_not_taken", stage=stage)
            self._tell = None


class CommandProgress:
    """Of one run of FFmpeg; made by `Progress`."""

    def __init__(self, job: Progress, purpose: str, *, begun: float, share: float, output_s: float) -> None:
        self._job = job
        self._purpose = purpose
        self._begun = begun
        self._share = share
        self._output_s = output_s
        self._next_logged = _LOGGED_STEP

    def made(self, output_s: float) -> None:
        """So many seconds of media have come out."""
        fraction = min(output_s / self._output_s, 1.0) if self._output_s > 0 else 1.0
        if fraction >= self._next_logged:
            log("ffmpeg_progress", purpose=self._purpose, fraction=round(fraction, 2))
            self._next_logged = fraction + _LOGGED_STEP
        # Behind the words stand the keys of files, which nobody watches for.
        self._job.report(self._purpose.partition(" (")[0], self._begun + self._share * fraction)
