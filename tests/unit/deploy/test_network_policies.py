"""Who may reach whom in Kubernetes: every cell of the table, and what each rule is good for."""

import copy
import ipaddress
from collections.abc import Iterator
from itertools import product

import pytest

from tests.unit.deploy.manifests import Document, of_kind
from tests.unit.deploy.policies import Address, Peer, Pod, may_reach

POLICIES = list(of_kind("NetworkPolicy").values())


def pod(name: str, *, namespace: str = "montage", address: str = "10.244.0.1", **labels: str) -> Pod:
    return Pod(
        name=name,
        namespace=namespace,
        labels=labels or {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "montage"},
        namespace_labels={"kubernetes.io/metadata.name": namespace},
        address=address,
    )


INGRESS_LABELS = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}
PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        pod("callback-gateway"),
        pod("pipeline"),
        pod("executor"),
        pod("migrate"),
        pod("postgres"),
        pod("nats"),
        pod("stranger", app="stranger"),
        pod("ingress", namespace="ingress-nginx", **INGRESS_LABELS),
        pod("client", namespace="studio", **{"montage-client": "true"}),
        pod("elsewhere", namespace="studio", app="elsewhere"),
        # Dressed up as ours, but in a namespace of its own.
        pod("impostor", namespace="studio", **{"app.kubernetes.io/name": "executor"}),
        pod("dns", namespace="kube-system", **{"k8s-app": "kube-dns"}),
        pod("system", namespace="kube-system", app="other"),
        Address(name="internet", address="203.0.113.7"),
        Address(name="internet6", address="2001:db8::7"),
        Address(name="metadata", address="169.254.169.254"),
        Address(name="metadata6", address="fd00:ec2::254"),
        Address(name="private", address="10.0.0.9"),
        Address(name="private6", address="fd12::9"),
    )
}
PORTS = (("TCP", 50051), ("TCP", 8443), ("TCP", 5432), ("TCP", 4222), ("TCP", 6222), ("TCP", 9464), ("TCP", 443),
         ("TCP", 80), ("TCP", 53), ("UDP", 53))  # fmt: skip
OURS = ("callback-gateway", "pipeline", "executor", "migrate", "postgres", "nats", "stranger")

Cell = tuple[str, str, str, int]

ALLOWED: frozenset[Cell] = frozenset(
    {
        ("ingress", "callback-gateway", "TCP", 8443),
        ("callback-gateway", "pipeline", "TCP", 50051),
        ("executor", "pipeline", "TCP", 50051),
        ("client", "pipeline", "TCP", 50051),
        ("pipeline", "postgres", "TCP", 5432),
        ("migrate", "postgres", "TCP", 5432),
        ("pipeline", "nats", "TCP", 4222),
        ("executor", "nats", "TCP", 4222),
        ("nats", "nats", "TCP", 6222),
        ("pipeline", "internet", "TCP", 443),
        ("pipeline", "internet6", "TCP", 443),
        ("executor", "internet", "TCP", 443),
        ("executor", "internet6", "TCP", 443),
        *(
            (who, "dns", protocol, 53)
            for who in ("callback-gateway", "pipeline", "executor", "migrate", "nats")
            for protocol in ("TCP", "UDP")
        ),
    }
)
"""Everything else between one of ours and anybody is refused."""

CELLS: tuple[Cell, ...] = tuple(
    (source, target, protocol, port)
    for source, target, (protocol, port) in product(PEERS, PEERS, PORTS)
    if source in OURS or target in OURS
)

RULES: dict[tuple[str, str, int], frozenset[Cell]] = {
    ("dns", "egress", 0): frozenset(cell for cell in ALLOWED if cell[1] == "dns"),
    ("callback-gateway", "ingress", 0): frozenset({("ingress", "callback-gateway", "TCP", 8443)}),
    ("callback-gateway", "egress", 0): frozenset({("callback-gateway", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 0): frozenset({("callback-gateway", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 1): frozenset({("executor", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 2): frozenset({("client", "pipeline", "TCP", 50051)}),
    ("pipeline", "egress", 0): frozenset({("pipeline", "postgres", "TCP", 5432)}),
    ("pipeline", "egress", 1): frozenset({("pipeline", "nats", "TCP", 4222)}),
    ("pipeline", "egress", 2): frozenset({("pipeline", "internet", "TCP", 443), ("pipeline", "internet6", "TCP", 443)}),
    ("executor", "egress", 0): frozenset({("executor", "pipeline", "TCP", 50051)}),
    ("executor", "egress", 1): frozenset({("executor", "nats", "TCP", 4222)}),
    ("executor", "egress", 2): frozenset({("executor", "internet", "TCP", 443), ("executor", "internet6", "TCP", 443)}),
    ("migrate", "egress", 0): frozenset({("migrate", "postgres", "TCP", 5432)}),
    ("postgres", "ingress", 0): frozenset({("pipeline", "postgres", "TCP", 5432)}),
    ("postgres", "ingress", 1): frozenset({("migrate", "postgres", "TCP", 5432)}),
    ("nats", "ingress", 0): frozenset({("pipeline", "nats", "TCP", 4222)}),
    ("nats", "ingress", 1): frozenset({("executor", "nats", "TCP", 4222)}),
    ("nats", "ingress", 2): frozenset({("nats", "nats", "TCP", 6222)}),
    ("nats", "egress", 0): frozenset({("nats", "nats", "TCP", 6222)}),
}
"""Every rule (policy, direction, position) with the cells that close when it is taken away."""


def open_cells(policies: list[Document]) -> frozenset[Cell]:
    return frozenset(
        cell for cell in CELLS if may_reach(policies, PEERS[cell[0]], PEERS[cell[1]], port=cell[3], protocol=cell[2])
    )


def rules() -> Iterator[tuple[str, str, int]]:
    for policy in POLICIES:
        for direction in ("ingress", "egress"):
            for position in range(len(policy["spec"].get(direction) or ())):
                yield policy["metadata"]["name"], direction, position


def without(name: str, direction: str, position: int) -> list[Document]:
    changed = copy.deepcopy(POLICIES)
    (policy,) = (policy for policy in changed if policy["metadata"]["name"] == name)
    del policy["spec"][direction][position]
    return changed


def allow_all(who: str, direction: str) -> Document:
    """One more policy that opens everything for one of ours in one direction."""
    return {
        "metadata": {"name": "too-much", "namespace": "montage"},
        "spec": {
            "podSelector": {"matchLabels": dict(PEERS[who].labels)},  # type: ignore[union-attr] # ours are pods
            "policyTypes": [direction.capitalize()],
            direction: [{}],
        },
    }


def test_policies_open_exactly_the_ways_of_the_table() -> None:
    assert open_cells(POLICIES) == ALLOWED


def test_table_of_rules_names_every_rule_there_is() -> None:
    assert set(rules()) == RULES.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(map(str, rule)))
def test_rule_taken_away_closes_exactly_its_cells(rule: tuple[str, str, int]) -> None:
    assert open_cells(without(*rule)) == ALLOWED - RULES[rule]


@pytest.mark.parametrize("who", OURS)
def test_allow_all_outwards_opens_exactly_what_its_targets_let_in(who: str) -> None:
    opened = open_cells([*POLICIES, allow_all(who, "egress")]) - ALLOWED

    # Ours still guard themselves; outside nobody does.
    assert opened == {cell for cell in CELLS if cell[0] == who and cell[1] not in OURS} - ALLOWED


@pytest.mark.parametrize("who", OURS)
def test_allow_all_inwards_opens_exactly_what_its_sources_let_out(who: str) -> None:
    opened = open_cells([*POLICIES, allow_all(who, "ingress")]) - ALLOWED

    assert opened == {cell for cell in CELLS if cell[1] == who and cell[0] not in OURS} - ALLOWED


def test_default_deny_taken_away_leaves_strangers_and_postgres_unguarded() -> None:
    policies = [policy for policy in POLICIES if policy["metadata"]["name"] != "default-deny"]

    opened = open_cells(policies) - ALLOWED

    # No other policy guards them in these directions; with it gone, they go wherever nobody else is in the way.
    unguarded_inwards, unguarded_outwards = {"executor", "migrate", "stranger"}, {"postgres", "stranger"}
    assert opened == {
        cell
        for cell in CELLS
        if (cell[0] not in OURS or cell[0] in unguarded_outwards)
        and (cell[1] not in OURS or cell[1] in unguarded_inwards)
    }


def test_exceptions_of_an_address_block_lie_inside_it() -> None:
    blocks = [
        peer["ipBlock"]
        for policy in POLICIES
        for rule in policy["spec"].get("egress") or ()
        for peer in rule["to"]
        if "ipBlock" in peer
    ]

    assert len(blocks) == 4
    for block in blocks:
        whole = ipaddress.ip_network(block["cidr"])
        parts = [ipaddress.ip_network(part) for part in block["except"]]
        assert all(part.version == whole.version and part != whole for part in parts)
        # Kubernetes reads these as IPv4 and then refuses the block.
        assert not any(isinstance(part, ipaddress.IPv6Network) and part[0].ipv4_mapped for part in parts)
