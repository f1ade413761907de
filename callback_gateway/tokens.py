"""The capability of a callback: what it permits, and how it is checked before anybody looks at the body."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NewType
from urllib.parse import parse_qsl

import msgspec

from callback_gateway.report import Output, Report
from servicekit.clock import Clock
from servicekit.replaced_file import ReplacedFile
from servicekit.tokens import InvalidKeyFile, InvalidToken, TokenReader, load_public_keys

COMPLETE = "complete"
PROGRESS = "progress"
"""Audiences: whoever may report the end may also report how far the work is, not the other way round."""
MAX_QUERY_FIELDS = 16

RawCapability = NewType("RawCapability", str)
"""As it came, for the pipeline service to check again. A secret."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+) *", re.IGNORECASE)


class CapabilityRefused(ValueError):
    """There is no capability, it is not ours, or not for this. One answer for all of them: a prober learns nothing."""


class CapabilityExpired(ValueError):
    """The capability was good once; said only after its signature held."""


class ReportDisagrees(ValueError):
    """The body claims something that its capability does not cover; the message names the field."""


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """What the bearer may do: report the end of one claim of one execution, with artifacts below one prefix."""

    execution: str
    claim: str
    node_uid: str
    executor_type: str
    audience: str
    key_prefix: str
    """Ends with `/`."""
    exp: int
    """Unix seconds."""


def find_capability(*, query: bytes, authorization: list[str]) -> RawCapability:
    """The one capability of a request, in `?cap=` or as bearer. Raises CapabilityRefused for none and for several."""
    try:
        fields = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise CapabilityRefused("query unreadable") from None
    found = [value for name, value in fields if name == "cap"]
    for header in authorization:
        bearer = _BEARER.fullmatch(header)
        found.append(bearer[1] if bearer else "")
    if len(found) != 1 or not found[0]:
        raise CapabilityRefused(f"expected one capability, found {len(found)}")
    return RawCapability(found[0])


@dataclass(frozen=True, kw_only=True)
class CapabilityReader:
    """Checks capabilities with the public keys; the pipeline service has the last word."""

    keys: ReplacedFile[TokenReader]
    clock: Clock

    def find(self, *, query: bytes, authorization: list[str]) -> RawCapability:
        """The one capability of a request. Raises CapabilityRefused, no sooner than for one that does not hold."""
        try:
            return find_capability(query=query, authorization=authorization)
        except CapabilityRefused:
            self.keys.content().refuse()
            raise

    def read(self, raw: RawCapability, *, audiences: Collection[str]) -> Capability:
        """The capability, if it is for one of `audiences`. Raises CapabilityRefused, CapabilityExpired."""
        try:
            capability = msgspec.json.decode(self.keys.content().verify(raw), type=Capability)
        except (InvalidToken, msgspec.DecodeError, UnicodeDecodeError):
            raise CapabilityRefused("not signed by a live key") from None
        if capability.audience not in audiences or not capability.key_prefix.endswith("/"):
            raise CapabilityRefused("not for this")
        if capability.exp <= self.clock.now().timestamp():
            raise CapabilityExpired(f"capability of execution {capability.execution} has expired")
        return capability


def public_keys(path: Path, *, on_reload: Callable[[bool], None]) -> ReplacedFile[TokenReader]:
    """The live keys of a file. Raises InvalidKeyFile."""
    return ReplacedFile(
        path,
        read=_load,
        refusal=InvalidKeyFile,
        told_as=("capability_keys_reloaded", "capability_keys_reload_failed"),
        on_reload=on_reload,
    )


def check_id(stated: str | None, capability: Capability) -> None:
    """The id in the address of a result, where it has one, is that of the execution. Raises ReportDisagrees."""
    if stated is not None and stated.lower() != capability.execution.lower():
        raise ReportDisagrees("id disagrees with the capability")


def check_agreement(report: Report, capability: Capability) -> None:
    """Every id that the body states, and the key of its artifact, must be covered. Raises ReportDisagrees."""
    stated = (
        ("process_uuid", report.execution_id, capability.execution),
        ("node_uuid", report.node_uid, capability.node_uid),
        ("executor_type", report.executor_type, capability.executor_type),
    )
    for field, found, expected in stated:
        if found is not None and found.lower() != expected.lower():
            raise ReportDisagrees(f"{field} disagrees with the capability")
    output = report.outcome if isinstance(report.outcome, Output) and not report.outcome.content else None
    if output is not None and not _is_below(output.s3_key, prefix=capability.key_prefix):
        raise ReportDisagrees("result.s3_key is outside the prefix of the capability")


def _is_below(key: str, *, prefix: str) -> bool:
    segments = key.removeprefix(prefix).split("/")
    return key.startswith(prefix) and key.isprintable() and not any(segment in ("", ".", "..") for segment in segments)


def _load(path: Path) -> TokenReader:
    try:
        return TokenReader(load_public_keys(path))
    except InvalidKeyFile:
        raise
    except ValueError as err:
        raise InvalidKeyFile(f"{path}: not an Ed25519 public key") from err
