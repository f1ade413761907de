"""What another pipeline of the same owner does: it wants the same work, and some of it is done once for both."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.integration.pipeline.machine.bench import WAKE, pick
from tests.integration.pipeline.machine.neighbour import Neighbour
from tests.integration.pipeline.machine.users import MAX_RUNS, NONCES, PICKS
from tests.integration.pipeline.machine.workers import DIGITS


class Elsewhere(Neighbour):
    """Nothing is begun that is under way elsewhere, and nobody waits for what is done by nobody."""

    @rule(force=st.booleans())
    def same_is_wanted_elsewhere(self, force: bool) -> None:
        self.count("same_is_wanted_elsewhere")
        self.want_elsewhere(force=force)

    @rule(force=st.booleans(), here=st.booleans())
    def same_is_wanted_at_once(self, force: bool, here: bool) -> None:
        """Who comes second waits for the first, or takes what that made."""
        self.count("same_is_wanted_at_once")
        self.let_all_go_on()
        self.act(self.importing_elsewhere(), replica=1)
        if self.rows.open_runs >= MAX_RUNS or self.is_busy_elsewhere():
            return
        self.act_at_once(self.running(0, force=here), self.running_elsewhere(force=force))

    @rule(which=st.lists(PICKS, min_size=1, max_size=4), content=DIGITS)
    def work_is_done_elsewhere(self, which: Sequence[int], content: int) -> None:
        self.count("work_is_done_elsewhere")
        self.want_something_elsewhere()
        for number in which:
            self.complete_elsewhere(number, content=content)
        self.act(WAKE, replica=1)

    @rule(node=PICKS, nonce=st.sampled_from(NONCES), which=st.lists(PICKS, max_size=2))
    def edit_is_tried_elsewhere(self, node: int, nonce: str, which: Sequence[int]) -> None:
        """It comes here when some of it was made there, and the rest is being made."""
        self.count("edit_is_tried_elsewhere")
        self.let_all_go_on()
        self.end_elsewhere()
        name = pick(sorted(self.document), node)
        self.document[name] = replace(self.document[name], nonce=nonce)
        self.want_elsewhere(force=False)
        self.act(WAKE)
        for number in which:
            self.complete_elsewhere(number, content=number % 10)
        self.act(self.importing())
        if self.rows.open_runs < MAX_RUNS:
            self.act(self.running(0, force=False))

    @rule(which=PICKS, error_type=st.sampled_from(("ffmpeg_error", "timeout")))
    def work_fails_elsewhere(self, which: int, error_type: str) -> None:
        """For good, or to be tried again."""
        self.count("work_fails_elsewhere")
        self.want_something_elsewhere()
        if active := self.active_elsewhere():
            one = pick(active, which)
            report = self.sender.failure(one, self.sender.new_claim(), error_type)
            self.act(self.reporting_elsewhere(f"fail {one.node_id} {error_type}", report), replica=which % 2)

    @rule()
    def all_is_cancelled_elsewhere(self) -> None:
        """Whoever waited for it does it."""
        self.count("all_is_cancelled_elsewhere")
        self.end_elsewhere()
