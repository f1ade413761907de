"""Sealed tokens: two signatures, and no change of any bit gets through either."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from servicekit.tokens import (
    InvalidKeyFile,
    InvalidToken,
    IssuerKey,
    IssuerKeys,
    KeyId,
    TokenIssuer,
    TokenReader,
    load_issuer_keys,
    load_public_keys,
)

BODY = b'{"door":"cellar"}'


def key(name: str) -> IssuerKey:
    seed = hashlib.sha256(name.encode()).digest()
    return IssuerKey(id=KeyId(name), ed25519_private=seed, hmac=hashlib.sha256(seed).digest())


def public(*keys: IssuerKey) -> dict[KeyId, bytes]:
    return {
        one.id: Ed25519PrivateKey.from_private_bytes(one.ed25519_private).public_key().public_bytes_raw()
        for one in keys
    }


OLD, NEW = key("old"), key("new")
ISSUER = TokenIssuer(IssuerKeys(active=NEW.id, keys=(OLD, NEW)))
READER = TokenReader(public(OLD, NEW))


def decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.binary(max_size=2000))
def test_issued_token_gives_its_body_back_to_both(body: bytes) -> None:
    token = ISSUER.issue(body)

    assert ISSUER.verify(token) == body
    assert READER.verify(token) == body


def test_token_has_the_documented_layout() -> None:
    raw = decoded(ISSUER.issue(b"body"))

    head = b"\x01\x03new\x00\x04body"
    assert raw[: len(head)] == head
    assert len(raw) == len(head) + 64 + 32
    assert raw[-32:] == hmac.digest(NEW.hmac, head, "sha256")


def test_token_of_the_previous_key_is_still_good() -> None:
    token = TokenIssuer(IssuerKeys(active=OLD.id, keys=(OLD,))).issue(BODY)

    assert ISSUER.verify(token) == BODY
    assert READER.verify(token) == BODY


def test_token_of_a_retired_key_is_refused() -> None:
    token = ISSUER.issue(BODY)

    with pytest.raises(InvalidToken):
        TokenIssuer(IssuerKeys(active=OLD.id, keys=(OLD,))).verify(token)
    with pytest.raises(InvalidToken):
        TokenReader(public(OLD)).verify(token)


def test_every_flipped_bit_is_refused_by_whoever_covers_it() -> None:
    raw = decoded(ISSUER.issue(BODY))
    signature_at, mac_at = len(raw) - 96, len(raw) - 32

    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        token = encoded(bytes(changed))
        in_signature, in_mac = signature_at <= bit // 8 < mac_at, bit // 8 >= mac_at
        if not in_signature:
            with pytest.raises(InvalidToken):
                ISSUER.verify(token)
        if not in_mac:
            with pytest.raises(InvalidToken):
                READER.verify(token)


def test_right_signature_with_wrong_mac_convinces_the_reader_and_not_the_issuer() -> None:
    raw = decoded(ISSUER.issue(BODY))
    forged = encoded(raw[:-32] + hmac.digest(b"stolen signing key, no mac key", raw[:-96], "sha256"))

    assert READER.verify(forged) == BODY
    with pytest.raises(InvalidToken):
        ISSUER.verify(forged)


def test_right_mac_with_wrong_signature_is_refused_by_the_reader() -> None:
    raw = decoded(ISSUER.issue(BODY))

    with pytest.raises(InvalidToken):
        READER.verify(encoded(raw[:-96] + bytes(64) + raw[-32:]))


def test_key_id_of_another_live_key_is_refused() -> None:
    raw = decoded(ISSUER.issue(BODY)).replace(b"\x01\x03new", b"\x01\x03old")

    for verify in (ISSUER.verify, READER.verify):
        with pytest.raises(InvalidToken):
            verify(encoded(raw))


@pytest.mark.parametrize("token", ["", "A", "AQ", "AQM", "!!!!", "é", "AQNuZXcAAA", "A" * 5000, "AQ\n", "AQ=="])
def test_anything_else_is_refused(token: str) -> None:
    for verify in (ISSUER.verify, READER.verify):
        with pytest.raises(InvalidToken):
            verify(token)


def test_one_token_has_one_spelling() -> None:
    token = TokenIssuer(IssuerKeys(active=NEW.id, keys=(NEW,))).issue(b"1234")
    assert len(decoded(token)) % 3 != 0, "the last character must have spare bits for this test"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]

    assert decoded(sibling) == decoded(token)
    for other in (sibling, token + "=", token + "\n", token.replace("-", "+").replace("_", "/") + " "):
        with pytest.raises(InvalidToken):
            ISSUER.verify(other)


def test_body_that_makes_the_token_too_long_is_refused_at_issue() -> None:
    with pytest.raises(ValueError, match="4096"):
        ISSUER.issue(bytes(4000))


class TestKeyFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "keys.json"
        path.touch(mode=0o600)
        return path

    def entry(self, one: IssuerKey) -> dict[str, str]:
        return {
            "id": one.id,
            "ed25519_private": base64.b64encode(one.ed25519_private).decode(),
            "hmac": base64.b64encode(one.hmac).decode(),
        }

    def test_issuer_and_public_files_work_together(self, path: Path, tmp_path: Path) -> None:
        path.write_text(json.dumps({"active": "new", "keys": [self.entry(OLD), self.entry(NEW)]}))
        public_path = tmp_path / "public.json"
        listed = [{"id": k, "ed25519_public": base64.b64encode(v).decode()} for k, v in public(OLD, NEW).items()]
        public_path.write_text(json.dumps({"keys": listed}))

        token = TokenIssuer(load_issuer_keys(path)).issue(BODY)

        assert TokenReader(load_public_keys(public_path)).verify(token) == BODY

    @pytest.mark.parametrize(
        ("document", "fault"),
        [
            ("{", "not JSON"),
            ("[]", "object"),
            ('{"active": "a"}', "keys"),
            ('{"active": "a", "keys": []}', "one or two"),
            ('{"active": "a", "keys": [{"id": 1}]}', "id"),
            ('{"active": "a", "keys": [{"id": "a", "ed25519_private": "AAAA", "hmac": "AAAA"}]}', "32 bytes"),
            ('{"active": "a", "keys": [{"id": "a"}, {"id": "a"}]}', "different ids"),
            ('{"active": "a", "keys": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}', "one or two"),
        ],
    )
    def test_faulty_file_is_refused_with_its_name(self, path: Path, document: str, fault: str) -> None:
        path.write_text(document)

        with pytest.raises(InvalidKeyFile, match=fault) as raised:
            load_issuer_keys(path)
        assert str(path) in str(raised.value)

    def test_unknown_active_key_is_refused(self, path: Path) -> None:
        path.write_text(json.dumps({"active": "other", "keys": [self.entry(NEW)]}))

        with pytest.raises(InvalidKeyFile, match="active"):
            load_issuer_keys(path)

    def test_issuers_file_that_others_may_read_is_refused(self, path: Path) -> None:
        path.write_text(json.dumps({"active": "new", "keys": [self.entry(NEW)]}))
        path.chmod(0o644)

        with pytest.raises(InvalidKeyFile, match=f"{path} has mode 0644"):
            load_issuer_keys(path)

    def test_missing_file_is_refused(self, tmp_path: Path) -> None:
        for load in (load_issuer_keys, load_public_keys):
            with pytest.raises(InvalidKeyFile, match=str(tmp_path / "none")):
                load(tmp_path / "none")

    def test_keys_do_not_show_in_repr(self) -> None:
        assert repr(NEW) == "IssuerKey(id='new')"
