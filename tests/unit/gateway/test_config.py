"""The gateway's settings."""

import pytest

from callback_gateway.config import GatewaySettings
from servicekit.config import ConfigError, HostPort, load_settings

REQUIRED = {
    "GATEWAY_LISTEN": "127.0.0.1:8443",
    "GATEWAY_OPS_LISTEN": "127.0.0.1:0",
    "GATEWAY_TLS_CERT_FILE": "/s/cert.pem",
    "GATEWAY_TLS_KEY_FILE": "/s/key.pem",
    "GATEWAY_TLS_CA_FILE": "/s/ca.pem",
    "GATEWAY_PIPELINE_ADDR": "localhost:50051",
    "GATEWAY_CAPABILITY_PUBLIC_KEYS_FILE": "/s/public.json",
}


def test_load_required_only_has_usable_defaults() -> None:
    settings = load_settings(GatewaySettings, REQUIRED)

    assert settings.listen == HostPort(host="127.0.0.1", port=8443)
    assert (settings.header_deadline_s, settings.body_deadline_s) == (5.0, 10.0)
    assert (settings.header_limit_bytes, settings.body_limit_bytes) == (16_384, 65_536)
    assert settings.pipeline_deadline_s == 8.0
    assert settings.public_url is None


def test_load_nothing_names_every_missing_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(GatewaySettings, {})

    assert all(name in str(caught.value) for name in REQUIRED)


@pytest.mark.parametrize("url", ["http://x", "https://x/?cap=1", "https://user:pw@x", "x", "https://x/#f"])
def test_load_public_url_must_be_a_plain_https_base(url: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_PUBLIC_URL: expected https://"):
        load_settings(GatewaySettings, REQUIRED | {"GATEWAY_PUBLIC_URL": url})


def test_load_misspelt_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean GATEWAY_LISTEN"):
        load_settings(GatewaySettings, REQUIRED | {"GATEWAY_LISTN": "x"})
