"""Page tokens of every list, capabilities, and forgeries of both."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor

from servicekit.tokens import TokenIssuer, load_issuer_keys
from tests.integration.api.answers import Refusal, call, message_class

PARENTS = {"ListExecutions": "pipelines/film/nodes/-"}


def page_tokens(channel: grpc.Channel, method: MethodDescriptor) -> Sequence[str]:
    """What fits into `page_token`: nothing, the token behind the first entry of `film`, or one that says anything."""
    request: Any = message_class(method.input_type)(page_size=1)
    if "parent" in method.input_type.fields_by_name:
        request.parent = PARENTS.get(method.name, "pipelines/film")
    answer: Any = call(channel, method, request.SerializeToString())
    if isinstance(answer, Refusal) or not answer.next_page_token:
        raise AssertionError(f"{method.name} has no second page: {answer}")
    return ("", answer.next_page_token, answer.next_page_token, *_forgeries(answer.next_page_token))


def capabilities(keys: Path, good: str) -> Sequence[str]:
    """A capability, several times, and what is sealed as well: for something else, expired, or no capability at all."""
    issuer = TokenIssuer(load_issuer_keys(keys))
    body = json.loads(issuer.verify(good))
    others = (body | {"audience": "somebody"}, body | {"exp": 1}, body | {"execution": "x"}, [body])
    return (*([good] * 8), *(issuer.issue(json.dumps(other).encode()) for other in others))


def readers(keys: Path, good: str) -> Sequence[str]:
    """None, a capability to read what that execution is made of, an expired one, and one for something else."""
    issuer = TokenIssuer(load_issuer_keys(keys))
    body = json.loads(issuer.verify(good)) | {"audience": "read"}
    read, expired = (issuer.issue(json.dumps(one).encode()) for one in (body, body | {"exp": 1}))
    return ("", "", read, read, expired, good)


def _forgeries(token: str) -> list[str]:
    bound_to, *cursor = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    wrong = ("x", -1, 2**70, True, None, ["a"], 0.5, "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00")
    bodies: list[Any] = [[bound_to, *(one for _ in cursor)] for one in wrong]
    bodies += [[bound_to, *reversed(cursor)], [bound_to, *cursor, 1], {"a": 1}, bound_to]
    return [base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode() for body in bodies]
