"""Settings of the pipeline service that are lists."""

import pytest

from pipeline_service.config import Settings
from pipeline_service.domain.node_types import build_catalogue, paid_vendors
from pipeline_service.domain.vendor_limit import most_at_once
from servicekit.config import ConfigError, load_settings

NEEDED = {
    "PIPELINE_LISTEN": "127.0.0.1:50051",
    "PIPELINE_OPS_LISTEN": "127.0.0.1:50052",
    "PIPELINE_TLS_CERT_FILE": "cert.pem",
    "PIPELINE_TLS_KEY_FILE": "key.pem",
    "PIPELINE_TLS_CA_FILE": "ca.pem",
    "PIPELINE_DATABASE_URL": "postgresql://engine@127.0.0.1/montage",
    "PIPELINE_DATABASE_PASSWORD_FILE": "engine",
    "PIPELINE_EDIT_DATABASE_URL": "postgresql://edit@127.0.0.1/montage",
    "PIPELINE_EDIT_DATABASE_PASSWORD_FILE": "edit",
    "PIPELINE_NATS_URL": "tls://127.0.0.1:4222",
    "PIPELINE_NATS_PASSWORD_FILE": "nats",
    "PIPELINE_CAPABILITY_KEYS_FILE": "keys.json",
    "PIPELINE_GATEWAY_URL": "https://127.0.0.1:8443",
}


def settings(**said: str) -> Settings:
    return load_settings(Settings, NEEDED | said)


def test_vendors_are_asked_to_do_what_the_operator_says_and_else_what_is_usual() -> None:
    read = settings(PIPELINE_VENDOR_CONCURRENCY="heygen=20,ledger=3")

    assert read.concurrency(["heygen", "elevenlabs"]) == {"heygen": 20, "elevenlabs": 5}
    assert read.concurrency(["ledger", "ledger-blind"]) == {"ledger": 3, "ledger-blind": 64}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("heygen", "expected vendor=number"),
        ("heygen=0", "the number 1 or more"),
        ("heygem=3", "expected one of elevenlabs, heygen"),
    ],
)
def test_concurrency_that_makes_no_sense_stops_the_start(said: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        settings(PIPELINE_VENDOR_CONCURRENCY=said)


def test_task_queue_of_each_vendor_has_its_name() -> None:
    """The vendor's limit is the window of that queue."""
    catalogue = build_catalogue(with_test_types=True)

    queues = {
        provider: queue
        for node_type in catalogue.values()
        for provider, queue in node_type.queues.items()
        if provider in paid_vendors(catalogue)
    }

    assert queues == {vendor: vendor for vendor in queues}
    assert {"heygen", "elevenlabs", "runway", "veo3", "ledger"} <= queues.keys()


def test_number_for_the_key_of_one_owner_stands_beside_that_of_its_vendor() -> None:
    read = settings(PIPELINE_VENDOR_CONCURRENCY="heygen=20,heygen/users/42=40")

    concurrency = read.concurrency(["heygen"])

    assert [most_at_once(concurrency, "heygen", key) for key in ("", "users/42", "acme")] == [20, 40, 20]
