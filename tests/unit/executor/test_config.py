"""The executor's settings."""

import pytest

from executor_service.config import ExecutorSettings
from servicekit.config import ConfigError, load_settings

LEAST = {
    "EXECUTOR_TLS_CERT_FILE": "/c",
    "EXECUTOR_TLS_KEY_FILE": "/k",
    "EXECUTOR_TLS_CA_FILE": "/ca",
    "EXECUTOR_PIPELINE_ADDR": "localhost:50051",
    "EXECUTOR_NATS_URL": "tls://localhost:4222",
    "EXECUTOR_NATS_PASSWORD_FILE": "/p",
    "EXECUTOR_S3_BUCKET": "montage",
    "EXECUTOR_WORK_DIR": "/w",
}


def test_least_settings_have_usable_defaults_and_no_test_types() -> None:
    settings = load_settings(ExecutorSettings, LEAST)

    assert settings.queues() == {
        "local": 4,
        "ffmpeg": 4,
        "fetch": 4,
        "lambda": 4,
        "heygen": 4,
        "elevenlabs": 4,
        "runway": 4,
        "veo3": 4,
        "remotion": 4,
    }
    assert settings.lambda_endpoint is None
    assert not settings.test_types


def test_test_types_bring_their_queues_along() -> None:
    settings = load_settings(
        ExecutorSettings, LEAST | {"EXECUTOR_TASK_QUEUES": "local", "EXECUTOR_SLOTS": "2", "EXECUTOR_TEST_TYPES": "1"}
    )

    assert settings.queues() == {"local": 2, "noop": 64, "ledger": 64, "ledger-blind": 64}


def test_variables_without_our_prefix_are_not_read() -> None:
    foreign = {"AWS_ENDPOINT_URL": "http://x", "S3_BUCKET": "y", "NATS_URL": "nats://z"}

    with pytest.raises(ConfigError, match="EXECUTOR_S3_BUCKET"):
        load_settings(ExecutorSettings, {k: v for k, v in LEAST.items() if k != "EXECUTOR_S3_BUCKET"} | foreign)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080/base"])
def test_vendor_on_this_machine_is_taken_when_that_is_allowed(address: str) -> None:
    variables = LEAST | {"EXECUTOR_HEYGEN_BASE_URL": address}

    settings = load_settings(ExecutorSettings, variables | {"EXECUTOR_ALLOW_LOOPBACK_VENDORS": "1"})

    assert settings.sandbox_of(settings.heygen_base_url) == address
    with pytest.raises(ConfigError, match=r"EXECUTOR_HEYGEN_BASE_URL.*with EXECUTOR_ALLOW_LOOPBACK_VENDORS=1"):
        load_settings(ExecutorSettings, variables)


@pytest.mark.parametrize(
    "address",
    [
        "http://api.heygen.com",
        "http://10.0.0.1:8080",
        "http://127.0.0.1",
        "http://127.0.0.1.example.com:80",
        "https://user:word@api.heygen.com",
        "ftp://127.0.0.1:21",
        "api.heygen.com",
    ],
)
@pytest.mark.parametrize("name", ["EXECUTOR_HEYGEN_BASE_URL", "EXECUTOR_PUBLIC_S3_ENDPOINT"])
def test_address_that_is_neither_https_nor_on_this_machine_stops_the_start(name: str, address: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings(ExecutorSettings, LEAST | {name: address, "EXECUTOR_ALLOW_LOOPBACK_VENDORS": "1"})


def test_vendors_own_address_is_no_sandbox() -> None:
    settings = load_settings(ExecutorSettings, LEAST | {"EXECUTOR_ALLOW_LOOPBACK_VENDORS": "1"})

    assert settings.sandbox_of(settings.heygen_base_url) is None
