"""Secrets that tools print."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.providers.masking import Json, masked, masked_content, masked_json

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2", "password=***"),
        ("PASSWORD: hunter2, next", "PASSWORD: ***, next"),
        ("db_password = 'hunter 2' end", "db_password = *** end"),
        ('{"token":"abc"}', '{"token":***}'),
        ("token:abc", "token:***"),
        ("https://x/y?key=abc&b=1", "https://x/y?key=***&b=1"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=***"),
        ("id AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "id *** and ***"),
        ("Authorization: Bearer eyJhbGciOi.J9-_=", "Authorization: Bearer ***"),
        (f"before {KEY} after", "before -----BEGIN RSA PRIVATE KEY-----*** after"),
        (KEY[:40] + " cut off", "-----BEGIN RSA PRIVATE KEY-----***"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "-----BEGIN PRIVATE KEY-----***"),
    ],
)
def test_masked_secret_is_gone(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "all 12 tests passed", "the key to success", "tokens used 57", "keyframes=12", "-----BEGIN CERTIFICATE-----"],
)
def test_masked_other_text_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "x", "n": 1}, {"password": "***", "n": 1}),
        ({"a": [{"access_token": "x"}]}, {"a": [{"access_token": "***"}]}),
        ({"token": {"kind": "x"}}, {"token": {"kind": "x"}}),
        ({"total_tokens": "57", "key": "C major"}, {"total_tokens": "57", "key": "C major"}),
        ({"s3_key": "a/b"}, {"s3_key": "a/b"}),
        (["password=x"], ["password=***"]),
        (None, None),
        (1.5, 1.5),
    ],
)  # fmt: skip
def test_masked_json_hides_texts_and_members_named_like_secrets(value: Json, expected: Json) -> None:
    assert masked_json(value) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{ "a": 1 }', '{ "a": 1 }'),
        ('{ "token": "x", "a": 1 }', '{"token":"***","a":1}'),
        ("password: x", "password: ***"),
    ],
)
def test_masked_content_stays_json_and_otherwise_as_it_was(content: str, expected: str) -> None:
    assert masked_content(content) == expected


@pytest.mark.parametrize(
    "piece",
    ["a", "key ", 'key="', "token: ", "Bearer ", "-----BEGIN ", "-----BEGIN A PRIVATE KEY", "\\", 'key="\\', "AKIA"],
)
def test_masked_takes_time_in_proportion_to_the_text(piece: str) -> None:
    short, long = piece * (16_384 // len(piece)), piece * (131_072 // len(piece))

    # Eight times the text; a pattern that looks back over it would take 64 times as long.
    assert _seconds(long) < 24 * max(_seconds(short), 0.0005)


def _seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        masked(text)
        best = min(best, time.thread_time() - began)
    return best


@given(st.text())
def test_masked_twice_is_masked_once(text: str) -> None:
    once = masked(text)

    assert masked(once) == once
