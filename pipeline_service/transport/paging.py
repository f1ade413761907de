"""Page tokens: opaque to clients, bound to the arguments they were made for."""

import base64
import binascii
import hashlib
import json

DEFAULT_PAGE_SIZE = 25


class InvalidPageToken(ValueError):
    """The token is damaged or belongs to other arguments."""

    def __init__(self) -> None:
        super().__init__("page_token is damaged or was made for other arguments; begin again without it")


def page_size(asked: int) -> int:
    return asked or DEFAULT_PAGE_SIZE


def make_token(cursor: list[str | int], *, arguments: str) -> str:
    """A token that goes on behind `cursor`. `arguments` is whatever must stay the same from page to page."""
    body = json.dumps([_digest(arguments), *cursor], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode()


def read_token(token: str, *, arguments: str, length: int) -> list[str | int] | None:
    """The cursor of a token; None for an empty one. Raises InvalidPageToken."""
    if not token:
        return None
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidPageToken from error
    if not isinstance(body, list) or len(body) != length + 1 or body[0] != _digest(arguments):
        raise InvalidPageToken
    if not all(isinstance(part, str | int) for part in body):
        raise InvalidPageToken
    return body[1:]


def _digest(arguments: str) -> str:
    return hashlib.sha256(arguments.encode()).hexdigest()[:16]
