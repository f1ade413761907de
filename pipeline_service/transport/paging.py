"""Pages of lists, and their tokens: opaque to clients, bound to the arguments they were made for."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from pipeline_service.commands.views import Listed
from pipeline_service.domain.ids import Owner
from pipeline_service.domain.lists import Cursor, Kind, Listing, Page, read_filter, read_order

DEFAULT_PAGE_SIZE = 25
BYTES_PER_PAGE = 1024 * 1024
"""A client takes messages of 4 MiB unless told otherwise, and a node may be 64 KiB of config and more."""
View = TypeVar("View")
Answered = TypeVar("Answered", bound=Message)


class InvalidPageToken(ValueError):
    """The token is damaged or belongs to other arguments."""

    def __init__(self) -> None:
        super().__init__("page_token is damaged or was made for other arguments; begin again without it")


class Walk:
    """One call of a list in its only order: how much it asks for, behind which place, and the token that goes on."""

    def __init__(self, request: Any, kinds: tuple[Kind, ...], owner: str = "") -> None:
        """`kinds` are those of the parts of a place. Raises InvalidPageToken."""
        self._arguments = _digest(request, owner)
        self.limit = request.page_size or DEFAULT_PAGE_SIZE
        self.after = _read(request.page_token, self._arguments, kinds)

    def token(self, place: Cursor | None) -> str:
        """The token that goes on behind a place; empty for none."""
        if place is None:
            return ""
        parts = [part.isoformat() if isinstance(part, datetime) else part for part in place]
        body = json.dumps([self._arguments, *parts], separators=(",", ":"), ensure_ascii=False, default=str)
        return base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode()


class Paging(Walk):
    """One call of a list that is filtered and ordered: the page that it asks for."""

    def __init__(self, request: Any, listing: Listing, owner: Owner) -> None:
        """Raises InvalidFilter, InvalidOrder, InvalidPageToken."""
        order = read_order(getattr(request, "order_by", ""), listing)
        filter_ = read_filter(request.filter, listing)
        super().__init__(request, listing.cursor_kinds(order), owner)
        self.page = Page(limit=self.limit, filter=filter_, order=order, after=self.after)

    def answer(self, found: Listed[View], message: Callable[[View], Answered]) -> tuple[list[Answered], str]:
        """What a page answers, and the token of the next one.

        A page ends before it is too large for a client, though it would hold more; one item it has always.
        """
        messages: list[Answered] = []
        size_bytes = 0
        for view in found.items:
            one = message(view)
            size_bytes += one.ByteSize()
            if messages and size_bytes > BYTES_PER_PAGE:
                return messages, self.token(found.places[len(messages) - 1])
            messages.append(one)
        return messages, self.token(found.next)


def _digest(request: Any, owner: str) -> str:
    """Of everything that must stay the same from page to page: all but the size of a page and the token itself."""
    bound = type(request)()
    bound.CopyFrom(request)
    bound.page_size = 0
    bound.page_token = ""
    arguments = f"{type(request).__name__}/{owner}/".encode() + bound.SerializeToString(deterministic=True)
    return hashlib.sha256(arguments).hexdigest()[:16]


def _read(token: str, arguments: str, kinds: tuple[Kind, ...]) -> Cursor | None:
    if not token:
        return None
    try:
        body = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidPageToken from error
    if not isinstance(body, list) or len(body) != len(kinds) + 1 or body[0] != arguments:
        raise InvalidPageToken
    return tuple(_part(part, kind) for part, kind in zip(body[1:], kinds, strict=True))


def _part(part: object, kind: Kind) -> str | int | datetime | UUID:
    """A token is not signed: its parts may be anything, and must be what the database takes."""
    try:
        match kind, part:
            case Kind.NUMBER, int() if abs(part) < 2**31:
                return part
            case Kind.TEXT, str() if "\x00" not in part:
                part.encode()
                return part
            case Kind.TIME, str():
                moment = datetime.fromisoformat(part)
                if moment.utcoffset() is not None:
                    return moment.astimezone(UTC)
            case Kind.UUID, str():
                return UUID(part)
    except (ValueError, OverflowError) as error:
        raise InvalidPageToken from error
    raise InvalidPageToken
