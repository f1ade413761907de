"""Writes NetworkPolicies as rules of a router's kernel, without asking the evaluator of tests/unit/deploy/policies.py.

A packet first passes the rules of its sender, then those of its receiver. The kernel keeps no connections here, so each
rule of a policy also lets the answers through, told by the port they come from. Every pod has to be guarded both ways.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.unit.deploy.policies import Peer, Pod

Policy = Mapping[str, Any]
Block = tuple[str, Sequence[str], int]
"""Addresses, those among them that are left out, and the port."""

FIRST, ENTERING = 1000, 10000


def with_addresses(peers: Sequence[Peer]) -> dict[str, Peer]:
    """Each pod with an address of its own; addresses outside stay what they are."""
    return {
        peer.name: replace(peer, address=f"10.244.1.{number}") if isinstance(peer, Pod) else peer
        for number, peer in enumerate(peers, start=1)
    }


def kernel_rules(policies: Sequence[Policy], ends: Mapping[str, Peer]) -> list[str]:
    """Arguments of `ip rule add`, in order."""
    pods = [end for end in ends.values() if isinstance(end, Pod) and _selected(policies, end)]
    leaving = list(_stage(policies, pods, ends, own="from", other="to", then=f"goto {ENTERING}", first=FIRST))
    entering = list(_stage(policies, pods, ends, own="to", other="from", then="lookup main", first=ENTERING + 1))
    return [*leaving, f"pref {ENTERING} nop", *entering]


def _stage(
    policies: Sequence[Policy],
    pods: Sequence[Pod],
    ends: Mapping[str, Peer],
    *,
    own: str,
    other: str,
    then: str,
    first: int,
) -> Iterator[str]:
    asking, answering = ("egress", "ingress") if own == "from" else ("ingress", "egress")
    pref = first
    for pod in pods:
        for direction, port_of in ((asking, "dport"), (answering, "sport")):
            for block, left_out, port in _blocks(policies, pod, ends, direction):
                match = f"{own} {pod.address} {other} {{}} ipproto tcp {port_of} {port}"
                behind = pref + len(left_out) + 1
                for part in left_out:
                    yield f"pref {pref} {match.format(part)} goto {behind}"
                    pref += 1
                yield f"pref {pref} {match.format(block)} {then}"
                pref += 1
        yield f"pref {pref} {own} {pod.address} prohibit"
        pref += 1


def _blocks(policies: Sequence[Policy], pod: Pod, ends: Mapping[str, Peer], direction: str) -> Iterator[Block]:
    for policy in _selected(policies, pod):
        for rule in policy["spec"].get(direction) or ():
            ports = [entry["port"] for entry in rule["ports"] if entry["protocol"] == "TCP"]
            for peer in rule["to" if direction == "egress" else "from"]:
                for addresses, left_out in _addresses(peer, ends, home=pod.namespace):
                    yield from ((addresses, left_out, port) for port in ports)


def _addresses(peer: Mapping[str, Any], ends: Mapping[str, Peer], *, home: str) -> Iterator[tuple[str, list[str]]]:
    block = peer.get("ipBlock")
    if block is not None:
        if ":" not in block["cidr"]:
            yield block["cidr"], block["except"]
        return
    for end in ends.values():
        if isinstance(end, Pod):
            spaces = peer.get("namespaceSelector")
            near = end.namespace == home if spaces is None else _fits(spaces, end.namespace_labels)
            if near and _fits(peer.get("podSelector", {}), end.labels):
                yield f"{end.address}/32", []


def _selected(policies: Sequence[Policy], pod: Pod) -> list[Policy]:
    return [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace and _fits(policy["spec"]["podSelector"], pod.labels)
    ]


def _fits(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """`matchLabels` and the operator In: all that our policies use."""
    values = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    values |= {one["key"]: one["values"] for one in selector.get("matchExpressions", ())}
    return all(labels.get(key) in wanted for key, wanted in values.items())
