"""Who may reach whom in Kubernetes: the whole table, written by hand and derived from no policy."""

from itertools import product

from tests.unit.deploy.policies import Address, Peer, Pod


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
        pod("internal-gateway"),
        pod("pipeline"),
        pod("executor"),
        pod("migrate"),
        pod("postgres"),
        pod("nats"),
        pod("stranger", app="stranger"),
        pod("ingress", namespace="ingress-nginx", **INGRESS_LABELS),
        pod("client", namespace="studio", **{"montage-client": "true"}),
        pod("caller", namespace="studio", **{"montage-internal-caller": "true"}),
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
PORTS = (*(("TCP", port) for port in (50051, 8443, 8444, 5432, 4222, 6222, 9464, 443, 80, 53)), ("UDP", 53))
OURS = ("callback-gateway", "internal-gateway", "pipeline", "executor", "migrate", "postgres", "nats", "stranger")

Cell = tuple[str, str, str, int]

ALLOWED: frozenset[Cell] = frozenset(
    {
        ("ingress", "callback-gateway", "TCP", 8443),
        ("callback-gateway", "pipeline", "TCP", 50051),
        ("caller", "internal-gateway", "TCP", 8444),
        ("internal-gateway", "pipeline", "TCP", 50051),
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
            for who in ("callback-gateway", "internal-gateway", "pipeline", "executor", "migrate", "nats")
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
    ("internal-gateway", "ingress", 0): frozenset({("caller", "internal-gateway", "TCP", 8444)}),
    ("internal-gateway", "egress", 0): frozenset({("internal-gateway", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 0): frozenset({("callback-gateway", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 1): frozenset({("internal-gateway", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 2): frozenset({("executor", "pipeline", "TCP", 50051)}),
    ("pipeline", "ingress", 3): frozenset({("client", "pipeline", "TCP", 50051)}),
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
