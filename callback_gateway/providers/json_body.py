"""Reading a JSON body that nobody vouches for: what cannot be is refused in words, before anything else looks at it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

MAX_DEPTH = 16

Body = TypeVar("Body")

_LEAST, _MOST = -(2**63), 2**64 - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class MalformedReport(ValueError):
    """The body is no report; the message names the field and what was expected there."""


class UnacceptableReport(ValueError):
    """The body is well formed and says what cannot be taken."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(f"{field} {words}")
        self.errors: Mapping[str, Sequence[str]] = {field: [words]}


def decode(body: bytes, kind: type[Body], *, max_depth: int = MAX_DEPTH) -> Body:
    """The body as `kind`; fields that it does not have are ignored. Raises MalformedReport.

    Numbers are finite, text has no lone surrogates. In the fields of `kind` there is no character U+0000 and no whole
    number above 64 bits.
    """
    _check_depth(body, max_depth)
    try:
        body.decode()
        decoded = msgspec.json.decode(body, type=kind)
    except UnicodeDecodeError as err:
        raise MalformedReport(f"body: expected UTF-8, found byte 0x{body[err.start]:02x} at {err.start}") from None
    except msgspec.ValidationError as err:
        message, _, path = str(err).partition(" - at `$")
        place = path.strip("`.") or "body"
        raise MalformedReport(f"{place}: {message[:1].lower()}{message[1:]}") from None
    except msgspec.DecodeError as err:
        raise MalformedReport(f"body: expected a JSON object: {err}") from None
    _check_values(decoded, at="")
    return decoded


def uuid_of(text: str | None, *, field: str) -> str | None:
    """A UUID in lower case; None for one that was left out. Raises MalformedReport."""
    if not text:
        return None
    if not _UUID.fullmatch(text):
        raise MalformedReport(f"{field}: expected a UUID, found {text[:64]!r}")
    return text.lower()


def _check_depth(body: bytes, limit: int) -> None:
    """Refuse deep nesting before any parser recurses into it."""
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise MalformedReport(f"body: expected at most {limit} levels of nesting")


def _check_values(value: Any, *, at: str) -> None:
    """PostgreSQL cannot keep U+0000, and most readers of JSON no larger numbers."""
    match value:
        case str():
            if "\0" in value:
                raise MalformedReport(f"{at or 'body'}: expected text without U+0000")
        case int():
            if not _LEAST <= value <= _MOST:
                raise MalformedReport(f"{at}: expected a number of at most 64 bits")
        case msgspec.Struct():
            for name in value.__struct_fields__:
                _check_values(getattr(value, name), at=f"{at}.{name}" if at else name)
        case dict():
            for key, member in value.items():
                _check_values(key, at=at)
                _check_values(member, at=f"{at}.{key}")
        case list():
            for position, member in enumerate(value):
                _check_values(member, at=f"{at}[{position}]")
