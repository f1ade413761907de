"""What a log line looks like, and what never gets into one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY, generate_latest

from servicekit.telemetry import REDACTED, configure_logging, new_metrics_registry, redact_event, redact_text
from servicekit.tracing import Kind, Tracer

CANARY = "c4n4ry-V3ry-Secret"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(service="shop", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def last(lines: io.StringIO) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return parsed


def test_line_has_event_level_time_service_and_fields(lines: io.StringIO) -> None:
    structlog.get_logger("door").info("door_opened", door_id="front", count=2)

    line = last(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "door_opened",
        "level": "info",
        "service": "shop",
        "logger": "door",
        "door_id": "front",
        "count": 2,
    }


def test_line_below_the_level_is_not_written(lines: io.StringIO) -> None:
    structlog.get_logger("door").debug("door_looked_at")

    assert lines.getvalue() == ""


def test_level_changes_back_and_forth_also_for_loggers_that_were_bound_before() -> None:
    stream = io.StringIO()
    level = configure_logging(service="shop", level="warning", stream=stream)
    log = structlog.get_logger("door").bind(door_id="front")

    for _ in range(3):
        log.debug("door_looked_at")
        level.toggle()

    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["log_level_changed", "door_looked_at", "log_level_changed", "log_level_changed"]
    structlog.reset_defaults()


def test_line_on_a_console_is_for_people_and_without_secrets() -> None:
    stream = io.StringIO()
    configure_logging(service="shop", form="console", stream=stream)

    structlog.get_logger("door").info("door_opened", door_id="front", token=CANARY)

    assert "door_opened" in stream.getvalue()
    assert "door_id=front" in stream.getvalue()
    assert CANARY not in stream.getvalue()
    structlog.reset_defaults()


def test_line_of_traced_work_has_its_trace_id(lines: io.StringIO) -> None:
    context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

    with Tracer().span("open", parent=context, kind=Kind.SERVER):
        structlog.get_logger("door").info("door_opened")

    assert last(lines)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_exception_is_written_with_its_trace_and_without_secrets(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot open https://shop/x?cap={CANARY}")
    except ValueError as err:
        structlog.get_logger("door").error("door_broken", exc_info=err)

    assert "Traceback" in last(lines)["exception"]
    assert CANARY not in lines.getvalue()


def test_line_breaks_in_values_stay_inside_the_line(lines: io.StringIO) -> None:
    structlog.get_logger("door").info("door_opened", by='anna\n{"event": "forged"}\x1b[31m')

    assert len(lines.getvalue().splitlines()) == 1
    assert last(lines)["event"] == "door_opened"


def test_standard_library_warnings_become_lines_too_and_its_chatter_does_not(lines: io.StringIO) -> None:
    logging.getLogger("botocore").info("chatter")
    logging.getLogger("botocore").warning("slow %s", f"https://s3/x?X-Amz-Signature={CANARY}")

    assert len(lines.getvalue().splitlines()) == 1
    line = last(lines)
    assert (line["level"], line["service"], line["logger"]) == ("warning", "shop", "botocore")
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "secret", "secret_key", "api_key", "apiKey", "access_key", "token",
        "session-token", "cap", "capability", "authorization", "Authorization", "cookie", "private_key", "hmac",
        "signature", "credential",
    ],
)  # fmt: skip
def test_field_with_a_secret_name_is_redacted_at_any_depth(name: str) -> None:
    event = redact_event(None, "", {name: CANARY, "headers": {name: CANARY}, "list": [{"deep": {name: [CANARY]}}]})

    assert CANARY not in json.dumps(event)
    assert event[name] == REDACTED


@pytest.mark.parametrize(
    "name", ["key", "s3_key", "store_key", "key_id", "token_count", "captured", "secrets_read", "user"]
)
def test_field_with_an_innocent_name_stays(name: str) -> None:
    assert redact_event(None, "", {name: "films/a.mp4"}) == {name: "films/a.mp4"}


@pytest.mark.parametrize(
    "text",
    [
        f"https://shop/spi/callback?cap={CANARY}",
        f"POST https://shop/spi/callback?x=1&cap={CANARY}&y=2 failed",
        f"/spi/callback?cap={CANARY}",
        f"cap={CANARY}",
        f"http://s3/b/k?X-Amz-Credential=AK%2F{CANARY}&X-Amz-Signature={CANARY}",
        f"GET /b/k?X-Amz-Algorithm=A&X-Amz-Signature={CANARY} HTTP/1.1",
        f"tls://cook:{CANARY}@127.0.0.1:4222",
        f"postgresql://cook:{CANARY}@db/shop",
        f"Authorization: Bearer {CANARY}",
        f"authorization=bearer {CANARY}",
        f"Basic {CANARY}",
    ],
)
def test_secret_inside_a_text_is_redacted(text: str) -> None:
    assert CANARY not in redact_text(text)


def test_path_of_a_url_and_ordinary_text_stay() -> None:
    assert (
        redact_text("GET https://shop/a/b?x=1 took 3 s; recap=yes")
        == f"GET https://shop/a/b?{REDACTED} took 3 s; recap=yes"
    )
    assert redact_text("captain, basic rules apply?") == "captain, basic rules apply?"


def test_object_with_a_revealing_repr_is_redacted() -> None:
    class Url:
        def __str__(self) -> str:
            return f"https://shop/?cap={CANARY}"

    assert CANARY not in json.dumps(redact_event(None, "", {"url": Url(), "urls": (Url(), {Url()})}))


def test_endless_structure_ends() -> None:
    knot: dict[str, Any] = {}
    knot["knot"] = knot

    json.dumps(redact_event(None, "", knot))


def test_registry_is_our_own_and_says_who_runs() -> None:
    first = new_metrics_registry(service="shop", version="1.2")
    second = new_metrics_registry(service="shop", version="1.2")

    assert first is not second
    assert first is not REGISTRY
    assert b'service_info{service="shop",version="1.2"} 1.0' in generate_latest(first)
