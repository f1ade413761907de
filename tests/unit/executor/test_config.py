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

    assert settings.queues() == {"local": 4, "ffmpeg": 4, "fetch": 4}
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
