"""What workers and callbacks do, in time and too late, rightly and wrongly."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from pipeline_service.domain.ids import Claim
from pipeline_service.domain.states import WaitingFor
from tests.integration.pipeline.machine.bench import Act, Bench, pick
from tests.integration.pipeline.machine.model import Attempt
from tests.integration.pipeline.machine.reports import ERROR_TYPES
from tests.integration.pipeline.machine.users import PICKS

DIGITS = st.integers(0, 9)
NEVER_THERE = 0xDEAD << 112


class Workers(Bench):
    """Any number of them, since each claim stands for one."""

    @rule(which=PICKS, behind=st.integers(0, 1))
    def claim(self, which: int, behind: int) -> None:
        """With the newest message, or with one that was overtaken."""
        self.count("claim")
        self.tell(self.sender.start(self.some_active(which), behind=behind))

    @rule(which=PICKS)
    def claim_again(self, which: int) -> None:
        self.count("claim_again")
        one = self.some_held(which)
        self.tell(self.sender.start(one, one.holder))

    @rule(which=PICKS)
    def claim_what_another_has(self, which: int) -> None:
        self.count("claim_what_another_has")
        self.tell(self.sender.start(self.some_held(which)))

    @rule(which=PICKS)
    def take_over(self, which: int) -> None:
        """After the lease is over, and before the timer sees it."""
        self.count("take_over")
        self._take_over(self.some_held(which))

    @rule(which=PICKS, digit=DIGITS)
    def heartbeat(self, which: int, digit: int) -> None:
        self.count("heartbeat")
        one = self.some_held(which)
        details = {"job": str(digit)} if digit % 2 else None
        beat = self.sender.beat(one, one.holder)
        self.tell(replace(beat, stage="encode" if digit else "", fraction=digit / 10, details=details))

    @rule(which=PICKS)
    def park(self, which: int) -> None:
        self.count("park")
        one = self.some_held(which)
        self.tell(replace(self.sender.beat(one, one.holder), waiting_for=WaitingFor.CALLBACK))

    @rule(which=PICKS, after=st.sampled_from((timedelta(0), timedelta(hours=1))))
    def requeue(self, which: int, after: timedelta) -> None:
        self.count("requeue")
        one = self.some_held(which)
        self.tell(replace(self.sender.beat(one, one.holder), requeue_after=after))

    @rule(which=PICKS, content=DIGITS)
    def complete(self, which: int, content: int) -> None:
        self.count("complete")
        one = self.some_held(which)
        self.tell(self.sender.completion(one, one.holder, content=content))

    @rule(which=st.lists(PICKS, min_size=2, max_size=5), content=DIGITS)
    def all_goes_well(self, which: list[int], content: int) -> None:
        """For a while, so that runs get somewhere between all that goes wrong."""
        self.count("all_goes_well")
        for number in which:
            one = self.some_held(number)
            self.tell(self.sender.completion(one, one.holder, content=content))

    @rule(which=PICKS, error_type=st.sampled_from(ERROR_TYPES))
    def fail(self, which: int, error_type: str) -> None:
        self.count("fail")
        one = self.some_held(which)
        self.tell(self.sender.failure(one, one.holder, error_type))

    @rule(which=PICKS)
    def worker_crashes(self, which: int) -> None:
        """Its claim is never used again, but for what it sent before."""
        self.count("worker_crashes")
        holder = self.some_held(which).holder
        assert holder
        self.dead.add(holder)

    @rule(which=PICKS, replica=st.integers(0, 1))
    def repeat_report(self, which: int, replica: int) -> None:
        """Exactly as it was sent: at once, or much later."""
        self.count("repeat_report")
        if not self.sent:
            self.some_held(which)
        self.tell(pick(self.sent[::-1], which), replica=replica)

    @rule(which=PICKS, verb=DIGITS, content=DIGITS)
    def report_of_an_old_claim(self, which: int, verb: int, content: int) -> None:
        """From a worker that lost its execution, or whose execution ended."""
        self.count("report_of_an_old_claim")
        if not self._old_claims():
            held = self.some_held(which)
            self.expire("lease", held)
            self.start(held)
        one, claim = pick(self._old_claims(), which)
        self.tell(self.sender.anything(one, claim, verb=verb, content=content))

    @rule(which=PICKS, verb=DIGITS)
    def forged_claim(self, which: int, verb: int) -> None:
        """It was never issued, and counts only where nobody ever claimed."""
        self.count("forged_claim")
        one = self.some_active(which)
        self.tell(self.sender.anything(one, self.sender.new_claim(), verb=verb, content=0))

    @rule(which=PICKS, verb=DIGITS)
    def unknown_execution(self, which: int, verb: int) -> None:
        self.count("unknown_execution")
        one = replace(self.some_active(which), id=UUID(int=NEVER_THERE + which))
        report = self.sender.anything(one, self.sender.new_claim(), verb=verb, content=0)
        self.act(
            Act(label="report of no execution", ask=lambda to: to.report(report), foresee=lambda _model: "NotFound")
        )

    @rule(which=PICKS, name=st.sampled_from(("", "..", "sub/output.json", "../output.json", "of another claim")))
    def key_outside_the_prefix(self, which: int, name: str) -> None:
        self.count("key_outside_the_prefix")
        one = self.some_held(which)
        key = self.sender.prefix(one, one.holder) + name
        if name == "of another claim":
            key = self.sender.prefix(one, self.sender.new_claim()) + "output.json"
        self._complete_with(one, key=key, size_bytes=10, refused="KeyOutsidePrefix")

    @rule(which=PICKS, size_bytes=st.sampled_from((None, 11)))
    def object_not_as_told(self, which: int, size_bytes: int | None) -> None:
        """It is not there, or it is longer than the report says."""
        self.count("object_not_as_told")
        one = self.some_held(which)
        key = self.sender.prefix(one, one.holder) + f"other-{size_bytes}.json"
        self._complete_with(one, key=key, size_bytes=size_bytes, refused="ArtifactMismatch")

    @rule(which=PICKS, is_same_claim=st.booleans(), content=DIGITS)
    def another_result(self, which: int, is_same_claim: bool, content: int) -> None:
        """After the end: the same work was done twice, by one claim or by two."""
        self.count("another_result")
        one = self.some_succeeded(which)
        claim = one.result_claim if is_same_claim else self.sender.new_claim()
        report = self.sender.completion(one, claim, content=content)
        self.tell(replace(report, is_external=not is_same_claim))

    @rule(which=PICKS, claim=PICKS, error_type=st.sampled_from(("", "lambda_error", "ffmpeg_error")), content=DIGITS)
    def callback(self, which: int, claim: int, error_type: str, content: int) -> None:
        """Of any claim that was ever issued for an active execution."""
        self.count("callback")
        one = self.some_active(which)
        if not one.claims:
            self.start(one)
        by: Claim = Claim(pick(one.claims, claim))
        if error_type:
            self.tell(replace(self.sender.failure(one, by, error_type), is_external=True))
        else:
            self.tell(replace(self.sender.completion(one, by, content=content), is_external=True))

    def _take_over(self, one: Attempt) -> None:
        self.expire("lease", one)
        self.tell(self.sender.start(one))

    def _old_claims(self) -> list[tuple[Attempt, UUID]]:
        """Claims that hold nothing any more, newest first."""
        found = [(one, claim) for one in self.model.attempts for claim in one.claims if claim != one.holder]
        return found[::-1]

    def _complete_with(self, one: Attempt, *, key: str, size_bytes: int | None, refused: str) -> None:
        """Report ten bytes under a key; `size_bytes` are there, None for no object."""
        report = self.sender.completion(one, one.holder)
        report = replace(report, output=replace(report.output, s3_key=key))
        if size_bytes is not None:
            self.sender.put(key, size_bytes=size_bytes)
        self.act(Act(label=f"complete with {key}", ask=lambda to: to.report(report), foresee=lambda _model: refused))
