"""Which addresses and URLs are fetched from (the table of threats T16 and T17)."""

import ipaddress

import pytest

from executor_service.integrations.addresses import is_public
from executor_service.integrations.fetch import parse_address
from executor_service.task import ErrorType, GiveUp


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 # to be refused
        "255.255.255.255",
        "224.0.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "240.0.0.1",
        "192.88.99.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "::ffff:0:169.254.169.254",
    ],
)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_address_is_accepted(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.mp4",
        "ftp://example.com/a.mp4",
        "file:///etc/passwd",
        "//example.com/a",
        "/etc/passwd",
        "",
        "https://",
        "https:///a",
        "https://user@example.com/a",
        "https://user:word@example.com/a",
        "https://example.com:8443/a",
        "https://example.com:22/a",
        "https://example.com\\@127.0.0.1/a",
        "https://exa mple.com/a",
        "https://[::1",
        "https://xn--\u2488.com/",
        "gopher://127.0.0.1:11211/_stats",
        "data:text/plain,hello",
    ],
)
def test_url_that_is_not_plain_https_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(GiveUp) as caught:
        parse_address(url)
    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT
    assert "word" not in caught.value.failure.message


@pytest.mark.parametrize(
    "url", ["https://example.com/a.mp4", "https://EXAMPLE.com:443/a?sig=1", "https://bücher.example/"]
)
def test_plain_https_url_is_accepted(url: str) -> None:
    assert parse_address(url).scheme == "https"
