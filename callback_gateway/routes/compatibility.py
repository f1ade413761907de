"""Callers of the first generation: they know no capabilities, and stand in networks that the operator vouches for."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

from callback_gateway.callers import Caller
from callback_gateway.providers.json_body import MalformedReport
from callback_gateway.report import Report
from callback_gateway.routes.families import EXECUTOR_CALLBACK, Family


class UnknownNode(Exception):
    """No execution is called as the report says."""


@dataclass(frozen=True)
class Compatibility:
    """Whom to believe without a capability; without networks nobody."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def admits(self, family: Family, request: Request, caller: Caller) -> bool:
        """Whether the request is one of theirs. Whoever shows anything like a capability is held against it."""
        if not self.networks or family is not EXECUTOR_CALLBACK:
            return False
        if request.scope["query_string"] or "authorization" in request.headers:
            return False
        return _is_in(caller.address, self.networks)


def named_execution(report: Report) -> str:
    """The execution that the body names. Raises MalformedReport: nobody is lent the execution that runs now."""
    if report.execution_id is None:
        raise MalformedReport("process_uuid is required without a capability")
    return report.execution_id


def _is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
