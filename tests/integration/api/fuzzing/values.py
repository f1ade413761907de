"""Values that nobody should send, and the edges of those that one may."""

import math
from random import Random
from typing import Any

TEXTS = (
    *("", " ", "-", "..", "../../etc/passwd", "a/b", "/", "//", "é", "\u202e", "\U0010ffff", "%00", "%2e%2e", "NaN"),
    *("\x00", "a\x00b", "\x1b[2J", "film\n", "\r\nset-cookie: a=b", "A", "x" * 64, "x" * 10_000, "é" * 10_000),
    *("'; DROP TABLE nodes; --", "${jndi:ldap://x}", '{"a": 1}', "null", "pipelines/", "pipelines//nodes/a"),
    *("pipelines/film/nodes/", "pipelines/../nodes/a", "pipelines/film/nodes/a\n", "pipelines/film\x00", "*"),
    *("00000000-0000-0000-0000-000000000000", "asset:sha256/" + "0" * 64 + ".txt", "https://user@example.test/x"),
    *("file:///etc/passwd", "https://example.test/clip.mp4", "http://169.254.169.254/", "WyJ4Il0", "AAAA", "%%%"),
)
INT32S = (0, 1, -1, 2, 25, 500, 501, 2**31 - 1, -(2**31))
INT64S = (*INT32S, 10, 2**53, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e308, 5e-324, math.nan, math.inf, -math.inf)


def json_value(rng: Random, depth: int = 0) -> Any:
    """Any JSON value, with numbers that JSON does not have."""
    kind = rng.randrange(8 if depth < 3 else 5)
    match kind:
        case 0:
            return rng.choice((None, True, False))
        case 1:
            return rng.choice(FLOATS)
        case 2:
            return rng.choice(INT64S)
        case 3 | 4:
            return rng.choice(TEXTS)
        case 5 | 6:
            return {rng.choice(TEXTS): json_value(rng, depth + 1) for _ in range(rng.randrange(4))}
        case _:
            return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def nested(levels: int, *, lists: bool) -> dict[str, Any]:
    """An object that goes down so many levels."""
    value: Any = "bottom"
    for _ in range(levels):
        value = [value] if lists else {"a": value}
    return {"a": value}


def deep(rng: Random) -> dict[str, Any]:
    """As deep as the parser of a client goes: a level of objects is three levels of messages, one of lists is two."""
    lists = rng.random() < 0.5
    return nested(rng.choice((1, 20, 28, 29, 30, 31) if not lists else (1, 29, 30, 31, 32, 33, 40)), lists=lists)


def bottomless(levels: int = 3000) -> bytes:
    """Field 1 as an object deeper than any parser goes, put together by hand."""
    payload = b"\x1a\x01x"
    for _ in range(levels):
        entry = b"\x0a\x01a" + _field(b"\x12", payload)
        payload = _field(b"\x2a", _field(b"\x0a", entry))
    return _field(b"\x0a", payload)


def _field(tag: bytes, payload: bytes) -> bytes:
    size, length = len(payload), b""
    while size > 127:
        length, size = length + bytes((size & 127 | 128,)), size >> 7
    return tag + length + bytes((size,)) + payload


def damaged(payload: bytes, rng: Random) -> bytes:
    """A message with wrong bytes in it: cut off, flipped, doubled, or with text that is not UTF-8."""
    match rng.randrange(6):
        case 0:
            return rng.randbytes(rng.randrange(200))
        case 1:
            return payload[: rng.randrange(len(payload) + 1)]
        case 2:
            return payload + payload
        case 3:
            # A lone surrogate, as field 1 of type text.
            return b"\x0a\x03\xed\xa0\x80" + payload
        case 4:
            return bottomless()
        case _:
            place = rng.randrange(len(payload) + 1)
            return payload[:place] + rng.randbytes(1 + rng.randrange(3)) + payload[place + 1 :]
