"""Who may ask inside: a token that two know, and a certificate that is on the list. One answer for every refusal."""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request

from callback_gateway.callers import caller_of
from servicekit.access import Allow
from servicekit.secret_lines import secret_lines

HEADER = "x-internal-auth"
MIN_TOKEN_CHARS = 32
MAX_LIVE_TOKENS = 2


class NotConfigured(Exception):
    """The operator has set no tokens."""


class Unauthorized(Exception):
    """No token or a wrong one, no certificate or one that is not on the list. Says no more on purpose."""


class Guard:
    """Looks at every request before anything else does."""

    def __init__(self, tokens: Callable[[], tuple[str, ...]] | None, callers: Allow) -> None:
        """`tokens` answers those that are live now; None where the operator has set none."""
        self._tokens = tokens
        self._callers = callers

    def check(self, request: Request) -> None:
        """Raises NotConfigured, Unauthorized."""
        if self._tokens is None:
            raise NotConfigured("internal authentication is not configured")
        shown = request.headers.getlist(HEADER)
        is_known = _is_one_of(shown[0] if len(shown) == 1 else "", self._tokens())
        identity = caller_of(request.scope).identity
        is_listed = identity is not None and self._callers.admits(identity)
        if not (is_known and is_listed):
            raise Unauthorized


def open_tokens(path: Path, *, on_reload: Callable[[bool], None]) -> Callable[[], tuple[str, ...]]:
    """The live tokens of a file. Raises ConfigError; a file that is replaced by a bad one leaves the old ones live."""
    return secret_lines(path, on_reload=on_reload, check=check_tokens).content


def check_tokens(tokens: tuple[str, ...]) -> None:
    """Raises ValueError, which shows none of them."""
    if len(tokens) > MAX_LIVE_TOKENS:
        raise ValueError(f"expected at most {MAX_LIVE_TOKENS} tokens, found {len(tokens)}")
    short = [number for number, token in enumerate(tokens, 1) if len(token) < MIN_TOKEN_CHARS]
    if short:
        raise ValueError(f"expected tokens of at least {MIN_TOKEN_CHARS} characters, number {short[0]} is shorter")


def _is_one_of(shown: str, tokens: tuple[str, ...]) -> bool:
    """Takes as long for a wrong token as for a right one, whatever its length and whichever of them it is like."""
    digest = hashlib.sha256(shown.encode("utf-8", "surrogateescape")).digest()
    equal = [hmac.compare_digest(digest, hashlib.sha256(token.encode()).digest()) for token in tokens]
    return any(equal)
