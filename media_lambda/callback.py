"""Tells the gateway what became of the job."""

import email.utils
import http.client
import json
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from media_lambda.deadline import Deadline
from media_lambda.errors import CallbackFailed
from media_lambda.log import log

_TRIES = 5
_BASE_WAIT_S = 0.5
_MAX_WAIT_S = 20.0
_MAX_RETRY_AFTER_S = 60.0
_REQUEST_TIMEOUT_S = 30.0
_MENTION_TIMEOUT_S = 2.0
_MAX_ANSWER_BYTES = 4096
_RETRIED = {408, 425, 429}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one try met; status 0 when no answer came."""

    status: int
    text: str
    retry_after_s: float | None

    @property
    def is_accepted(self) -> bool:
        """Whether the report arrived, applied or known to be stale."""
        return 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Whether asking again cannot help."""
        return self.is_accepted or (self.status != 0 and self.status < 500 and self.status not in _RETRIED)


class Callback:
    """Posts reports, with patience."""

    def __init__(
        self, *, ca_file: Path | None, deadline: Deadline, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        # No proxy from the environment, and no redirect: the URL carries a capability meant for one host.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirects()
        )
        self._deadline = deadline
        self._sleep = sleep

    def deliver(self, url: str, body: Mapping[str, Any], *, traceparent: str = "") -> None:
        """Post `body` up to five times. Raises CallbackFailed when it was refused or nobody answered."""
        content = json.dumps(body).encode()
        for attempt in range(1, _TRIES + 1):
            answer = self._post(url, content, traceparent=traceparent)
            log("callback_answered", attempt=attempt, status=answer.status, answer=answer.text[:200])
            if answer.is_accepted:
                return
            wait_s = wait_before_next(attempt, answer, jitter=random.random())  # noqa: S311 - spreads load, hides nothing
            if answer.is_final or attempt == _TRIES or wait_s > self._deadline.remaining_s():
                raise CallbackFailed(f"the callback was not accepted in {attempt} tries: status {answer.status}")
            self._sleep(wait_s)

    def mention(self, url: str, body: Mapping[str, Any]) -> bool:
        """Post `body` once, briefly, and answer whether it was taken: for news that nothing depends on."""
        return self._post(url, json.dumps(body).encode(), timeout_s=_MENTION_TIMEOUT_S).is_accepted

    def _post(
        self, url: str, content: bytes, *, timeout_s: float = _REQUEST_TIMEOUT_S, traceparent: str = ""
    ) -> Answer:
        request = urllib.request.Request(url, data=content, method="POST")  # noqa: S310 - the event allows http(s) only
        request.add_header("Content-Type", "application/json")
        if traceparent:
            request.add_header("traceparent", traceparent)
        timeout_s = max(1.0, min(timeout_s, self._deadline.remaining_s()))
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                return _answer(response.status, response.headers, response.read(_MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read(_MAX_ANSWER_BYTES))
        except (OSError, http.client.HTTPException) as error:
            # The class alone: the message of some of these repeats the URL.
            return Answer(status=0, text=type(error).__name__, retry_after_s=None)


def wait_before_next(attempt: int, answer: Answer, *, jitter: float) -> float:
    """Seconds to wait after the failed try number `attempt`: full jitter, but never less than the gateway asked for."""
    backoff_s = jitter * min(_MAX_WAIT_S, _BASE_WAIT_S * 2.0**attempt)
    return max(backoff_s, min(answer.retry_after_s or 0.0, _MAX_RETRY_AFTER_S))


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """The header's seconds, or the time until its date; None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except ValueError:
        return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object, **_more: object) -> None:
        return None


def _answer(status: int, headers: Message, content: bytes) -> Answer:
    wait_s = retry_after_s(headers.get("Retry-After"), now_s=time.time())
    return Answer(status=status, text=content.decode(errors="replace"), retry_after_s=wait_s)
