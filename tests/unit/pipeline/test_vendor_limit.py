"""What a vendor is asked to do at once: never more than it takes, nothing while it wants to be left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline_service.domain.vendor_limit import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, PROBE_WITHIN, UNSAID, VendorLimit

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_limit(*, in_use: int = 0, maximum: int = 8) -> VendorLimit:
    return VendorLimit(vendor="heygen", maximum=maximum, in_use=in_use)


def an_open_breaker(*, at: datetime = NOW) -> VendorLimit:
    limit = a_limit()
    for _ in range(FAILURES):
        limit = limit.unanswered(now=at)
    return limit


class TestRoom:
    def test_room_is_what_the_maximum_leaves(self) -> None:
        assert a_limit(in_use=5, maximum=8).room(now=NOW) == 3

    def test_more_in_use_than_the_operator_now_allows_leaves_none(self) -> None:
        assert a_limit(in_use=9, maximum=3).room(now=NOW) == 0

    def test_what_is_taken_counts_at_once(self) -> None:
        limit = a_limit(maximum=1).taken(now=NOW)

        assert (limit.in_use, limit.room(now=NOW)) == (1, 0)

    def test_submission_that_is_repeated_is_not_counted_twice(self) -> None:
        assert a_limit(in_use=2).taken(now=NOW, counts_already=True).in_use == 2


class TestPushback:
    def test_nothing_goes_before_the_time_that_the_vendor_says(self) -> None:
        limit = a_limit().pushed_back(20 * SECOND, now=NOW)

        assert limit.room(now=NOW + 19 * SECOND) == 0
        assert limit.room(now=NOW + 20 * SECOND) == 4

    def test_vendor_that_says_no_time_is_left_alone_for_the_usual_one(self) -> None:
        assert a_limit().pushed_back(None, now=NOW).not_before == NOW + UNSAID

    def test_refusals_of_one_burst_halve_once_and_the_longest_wait_counts(self) -> None:
        limit = a_limit().pushed_back(20 * SECOND, now=NOW)
        limit = limit.pushed_back(30 * SECOND, now=NOW + SECOND).pushed_back(SECOND, now=NOW + 2 * SECOND)

        assert limit.concurrency == 4
        assert limit.not_before == NOW + 31 * SECOND

    def test_refusal_after_the_pause_halves_again_and_never_below_one(self) -> None:
        limit = a_limit(maximum=3)
        seen = []
        for number in range(4):
            limit = limit.pushed_back(SECOND, now=NOW + number * 2 * SECOND)
            seen.append(limit.concurrency)

        assert seen == [1, 1, 1, 1]

    def test_each_full_round_of_taken_submissions_lets_one_more_go(self) -> None:
        limit = a_limit(maximum=8).pushed_back(SECOND, now=NOW)
        rounds = []
        for _ in range(4):
            for _ in range(limit.concurrency + 1):
                limit = limit.accepted()
            rounds.append(limit.concurrency)

        assert rounds == [5, 6, 7, 8]
        assert limit.current is None or limit.current < limit.maximum

    def test_limit_grows_to_the_maximum_and_no_further(self) -> None:
        limit = a_limit(maximum=4).pushed_back(SECOND, now=NOW)

        for _ in range(50):
            limit = limit.accepted()

        assert (limit.concurrency, limit.current) == (4, None)


class TestBreaker:
    def test_breaker_opens_at_the_fifth_failure_in_a_row(self) -> None:
        limit = a_limit()
        for _ in range(FAILURES - 1):
            limit = limit.unanswered(now=NOW)
        assert limit.room(now=NOW) == 8

        limit = limit.unanswered(now=NOW)

        assert limit.room(now=NOW) == 0
        assert limit.open_until == NOW + FIRST_PAUSE

    def test_submission_that_is_taken_in_between_begins_the_count_anew(self) -> None:
        limit = a_limit()
        for _ in range(FAILURES - 1):
            limit = limit.unanswered(now=NOW)

        assert limit.accepted().unanswered(now=NOW).open_until is None

    def test_one_probe_goes_after_the_pause_and_no_other_beside_it(self) -> None:
        limit, later = an_open_breaker(), NOW + FIRST_PAUSE
        assert limit.room(now=later) == 1

        probing = limit.taken(now=later)

        assert probing.room(now=later + PROBE_WITHIN - SECOND) == 0
        assert probing.room(now=later + PROBE_WITHIN) == 1

    def test_probe_that_is_taken_closes_the_breaker(self) -> None:
        limit = an_open_breaker().taken(now=NOW + FIRST_PAUSE).accepted()

        assert (limit.open_until, limit.failures) == (None, 0)
        assert limit.room(now=NOW + FIRST_PAUSE) == 7

    def test_probe_that_is_refused_for_the_rate_closes_it_too_since_the_vendor_answers(self) -> None:
        later = NOW + FIRST_PAUSE
        limit = an_open_breaker().taken(now=later).pushed_back(SECOND, now=later)

        assert (limit.open_until, limit.failures, limit.not_before) == (None, 0, later + SECOND)

    @pytest.mark.parametrize(
        ("failed_probes", "pause"), [(1, 2 * FIRST_PAUSE), (2, 4 * FIRST_PAUSE), (9, LONGEST_PAUSE)]
    )
    def test_each_probe_that_fails_doubles_the_pause_up_to_its_longest(
        self, failed_probes: int, pause: timedelta
    ) -> None:
        limit, now = an_open_breaker(), NOW
        for _ in range(failed_probes):
            assert limit.open_until is not None
            now = limit.open_until
            limit = limit.taken(now=now).unanswered(now=now)

        assert limit.open_until == now + pause
        assert limit.probe_until is None

    def test_failures_of_what_was_under_way_do_not_lengthen_the_pause(self) -> None:
        limit = an_open_breaker()

        assert limit.unanswered(now=NOW + SECOND) == limit
