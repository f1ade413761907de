"""Every form in which a vendor says when to come back."""

from datetime import UTC, datetime, timedelta

import pytest

from executor_service.integrations.retry_after import LONGEST, duration, retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 40)}, 40),
        ({"retry-after": "soon", "x-ratelimit-reset": "3"}, 3),
        ({"retry-after": "999999"}, LONGEST.total_seconds()),
    ],
)
def test_wait_is_read_in_each_form(headers: dict[str, str], wait_s: float) -> None:
    assert retry_after(headers, now=NOW) == timedelta(seconds=wait_s)


@pytest.mark.parametrize(
    "headers", [{}, {"retry-after": ""}, {"retry-after": "-5"}, {"retry-after": "nan"}, {"retry-after": "1e9999"}]
)
def test_unreadable_wait_is_none(headers: dict[str, str]) -> None:
    assert retry_after(headers, now=NOW) is None


@pytest.mark.parametrize(("text", "wait_s"), [("20s", 20), ("1.5s", 1.5), ("0s", 0)])
def test_googles_wait_is_read(text: str, wait_s: float) -> None:
    assert duration(text) == timedelta(seconds=wait_s)


@pytest.mark.parametrize("text", [None, 20, "20", "-1s", "s", ["20s"]])
def test_what_is_not_googles_wait_is_none(text: object) -> None:
    assert duration(text) is None
