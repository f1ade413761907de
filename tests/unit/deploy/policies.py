"""Answers what Kubernetes NetworkPolicies allow: may one pod, or one address, reach another at a port?

Policies are YAML as read. They add up: a pod that no policy selects for a direction may do everything in that
direction, a selected one only what some rule of some policy says. A connection needs the leave of both ends.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Policy = Mapping[str, Any]
Labels = Mapping[str, str]
Direction = Literal["ingress", "egress"]


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One end inside the cluster. Its address matters only to rules about addresses."""

    name: str
    namespace: str
    labels: Labels
    namespace_labels: Labels = field(default_factory=dict)
    address: str = "10.244.0.1"


@dataclass(frozen=True, kw_only=True)
class Address:
    """One end outside the cluster; no policy guards it."""

    name: str
    address: str


Peer = Pod | Address


def may_reach(policies: Sequence[Policy], source: Peer, target: Peer, *, port: int, protocol: str = "TCP") -> bool:
    """Whether `source` may open a connection to `port` of `target`."""
    leaves = _allows(policies, source, target, direction="egress", port=port, protocol=protocol)
    enters = _allows(policies, target, source, direction="ingress", port=port, protocol=protocol)
    return leaves and enters


def _allows(
    policies: Sequence[Policy], guarded: Peer, other: Peer, *, direction: Direction, port: int, protocol: str
) -> bool:
    if isinstance(guarded, Address):
        return True
    ours = [policy for policy in policies if _guards(policy, guarded, direction)]
    rules: Iterable[Mapping[str, Any]] = (rule for policy in ours for rule in policy["spec"].get(direction) or ())
    side = "to" if direction == "egress" else "from"
    return not ours or any(
        _opens(rule.get("ports"), port, protocol) and _admits(rule.get(side), other, home=guarded.namespace)
        for rule in rules
    )


def _guards(policy: Policy, pod: Pod, direction: Direction) -> bool:
    spec = policy["spec"]
    # Without policyTypes a policy guards what comes in, and what goes out only if it has rules for it.
    kinds = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and direction.capitalize() in kinds
        and _selects(spec.get("podSelector") or {}, pod.labels)
    )


def _admits(peers: Sequence[Mapping[str, Any]] | None, other: Peer, *, home: str) -> bool:
    """No list, or an empty one, is everybody."""
    return not peers or any(_is_peer(peer, other, home=home) for peer in peers)


def _is_peer(peer: Mapping[str, Any], other: Peer, *, home: str) -> bool:
    if "ipBlock" in peer:
        # Whether address rules speak of pods is left to the network plugin; here they do, which is the wider reading.
        return _is_inside(peer["ipBlock"], other.address)
    if isinstance(other, Address):
        return False
    if "namespaceSelector" in peer:
        namespace_fits = _selects(peer["namespaceSelector"] or {}, other.namespace_labels)
    else:
        namespace_fits = other.namespace == home
    return namespace_fits and _selects(peer.get("podSelector") or {}, other.labels)


def _is_inside(block: Mapping[str, Any], address: str) -> bool:
    place = ipaddress.ip_address(address)
    return place in ipaddress.ip_network(block["cidr"]) and not any(
        place in ipaddress.ip_network(part) for part in block.get("except") or ()
    )


def _opens(ports: Sequence[Mapping[str, Any]] | None, port: int, protocol: str) -> bool:
    """No list, or an empty one, is every port."""
    return not ports or any(
        entry.get("protocol", "TCP") == protocol
        and ("port" not in entry or entry["port"] <= port <= entry.get("endPort", entry["port"]))
        for entry in ports
    )


def _selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """An empty selector selects everything."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Labels) -> bool:
    found = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return found in expression["values"]
        case "NotIn":
            return found not in expression["values"]
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case other:
            raise ValueError(f"expected In, NotIn, Exists or DoesNotExist, found {other!r}")
