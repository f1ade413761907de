"""Capabilities: where they are found, what makes them bad, and what they cover."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callback_gateway.providers.executor_callback import parse
from callback_gateway.report import Report
from callback_gateway.tokens import (
    COMPLETE,
    Capability,
    CapabilityExpired,
    CapabilityReader,
    CapabilityRefused,
    RawCapability,
    ReportDisagrees,
    check_agreement,
    find_capability,
    public_keys,
)
from servicekit.tokens import InvalidKeyFile
from tests.fakes.clock import FakeClock
from tests.unit.gateway import capabilities
from tests.unit.gateway.capabilities import EXECUTION, NODE, PREFIX, KeyPair, write_public_keys

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return KeyPair.make("k1")


@pytest.fixture
def reloads() -> list[bool]:
    return []


@pytest.fixture
def reader(pair: KeyPair, tmp_path: Path, reloads: list[bool]) -> CapabilityReader:
    path = write_public_keys(tmp_path / "public.json", pair)
    return CapabilityReader(keys=public_keys(path, on_reload=reloads.append), clock=FakeClock(NOW))


def read(reader: CapabilityReader, token: str) -> Capability:
    return reader.read(RawCapability(token), audiences=[COMPLETE])


class TestFind:
    def test_query_gives_it(self) -> None:
        assert find_capability(query=b"a=1&cap=AQJrMQ_-", authorization=[]) == "AQJrMQ_-"

    def test_bearer_gives_it(self) -> None:
        assert find_capability(query=b"", authorization=["bearer AQJrMQ_-"]) == "AQJrMQ_-"

    @pytest.mark.parametrize(
        ("query", "authorization"),
        [
            (b"", []),
            (b"cap=", []),
            (b"CAP=abc", []),
            (b"cap=abc&cap=abc", []),
            (b"cap=abc", ["Bearer abc"]),
            (b"", ["Bearer abc", "Bearer abc"]),
            (b"", ["Basic abc"]),
            (b"", ["Bearer"]),
            (b"", ["Bearer a b"]),
            (b"cap=abc", ["Basic xyz"]),
            (b"cap=\xff", []),
            (b"&".join([b"a=1"] * 50), []),
        ],
    )
    def test_none_or_several_are_refused(self, query: bytes, authorization: list[str]) -> None:
        with pytest.raises(CapabilityRefused):
            find_capability(query=query, authorization=authorization)


class TestRead:
    def test_good_one_is_decoded(self, reader: CapabilityReader, pair: KeyPair) -> None:
        capability = read(reader, pair.issue())

        assert (capability.execution, capability.node_uid, capability.key_prefix) == (EXECUTION, NODE, PREFIX)

    def test_unknown_fields_are_ignored(self, reader: CapabilityReader, pair: KeyPair) -> None:
        assert read(reader, pair.issue(later="field")).execution == EXECUTION

    def test_any_flipped_bit_is_refused(self, reader: CapabilityReader, pair: KeyPair) -> None:
        token = pair.issue()
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        # The last 32 bytes are the issuer's HMAC, which only the issuer can check.
        for position in range(len(raw) - 32):
            for bit in range(8):
                changed = bytearray(raw)
                changed[position] ^= 1 << bit
                with pytest.raises(CapabilityRefused):
                    read(reader, base64.urlsafe_b64encode(changed).rstrip(b"=").decode())

    @pytest.mark.parametrize("cut", [1, 2, 32, 96, 200])
    def test_shortened_is_refused(self, reader: CapabilityReader, pair: KeyPair, cut: int) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issue()[:-cut])

    @pytest.mark.parametrize("token", ["", "x", "é", "A" * 5000, "AQ==", "a.b.c"])
    def test_garbage_is_refused(self, reader: CapabilityReader, token: str) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, token)

    def test_other_key_under_the_same_id_is_refused(self, reader: CapabilityReader) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, KeyPair.make("k1").issue())

    def test_unknown_key_id_is_refused(self, reader: CapabilityReader, pair: KeyPair) -> None:
        other = KeyPair(id="k9", private=pair.private, hmac=pair.hmac)

        with pytest.raises(CapabilityRefused):
            read(reader, other.issue())

    @pytest.mark.parametrize("audience", ["progress", "read", "", "Complete"])
    def test_other_audience_is_refused(self, reader: CapabilityReader, pair: KeyPair, audience: str) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issue(audience=audience))

    @pytest.mark.parametrize(
        "changed", [{"exp": "soon"}, {"exp": None}, {"claim": 5}, {"key_prefix": "a"}, {"key_prefix": ""}]
    )
    def test_signed_nonsense_is_refused(self, reader: CapabilityReader, pair: KeyPair, changed: dict[str, Any]) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issue(**changed))

    def test_signed_bytes_that_are_no_json_are_refused(self, reader: CapabilityReader, pair: KeyPair) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issuer().issue(b"\xff\xfe"))

    @pytest.mark.parametrize("age_s", [0, 1, 10**6])
    def test_expired_is_said(self, reader: CapabilityReader, pair: KeyPair, age_s: int) -> None:
        with pytest.raises(CapabilityExpired):
            read(reader, pair.issue(exp=int(NOW.timestamp()) - age_s))

    def test_a_second_before_expiry_it_is_good(self, reader: CapabilityReader, pair: KeyPair) -> None:
        assert read(reader, pair.issue(exp=int(NOW.timestamp()) + 1)).exp == NOW.timestamp() + 1

    def test_expired_forgery_is_a_forgery(self, reader: CapabilityReader) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, KeyPair.make("k1").issue(exp=1))

    def test_expired_for_another_audience_is_refused(self, reader: CapabilityReader, pair: KeyPair) -> None:
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issue(exp=1, audience="read"))


class TestPublicKeys:
    def test_rotation_old_and_new_key_then_only_the_new(
        self, reader: CapabilityReader, pair: KeyPair, tmp_path: Path, reloads: list[bool]
    ) -> None:
        fresh = KeyPair.make("k2")
        path = tmp_path / "public.json"

        write_public_keys(path, pair, fresh)
        assert read(reader, pair.issue()) == read(reader, fresh.issue())

        write_public_keys(path, fresh)
        assert read(reader, fresh.issue()).execution == EXECUTION
        with pytest.raises(CapabilityRefused):
            read(reader, pair.issue())
        assert reloads == [True, True]

    @pytest.mark.parametrize("content", ["", "{}", '{"keys":[]}', '{"keys":[{"id":"k","ed25519_public":"AAAA"}]}'])
    def test_broken_file_keeps_the_old_keys_and_is_told_once(
        self, reader: CapabilityReader, pair: KeyPair, tmp_path: Path, reloads: list[bool], content: str
    ) -> None:
        (tmp_path / "public.json").write_text(content)

        assert read(reader, pair.issue()) == read(reader, pair.issue())
        assert reloads == [False]

    def test_missing_file_keeps_the_old_keys(
        self, reader: CapabilityReader, pair: KeyPair, tmp_path: Path, reloads: list[bool]
    ) -> None:
        (tmp_path / "public.json").unlink()

        assert read(reader, pair.issue()).execution == EXECUTION
        assert reloads == [False]

    def test_unreadable_at_the_start_stops_it(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidKeyFile, match="cannot read"):
            public_keys(tmp_path / "absent.json", on_reload=lambda _: None)

    def test_unchanged_file_is_not_read_again(
        self, reader: CapabilityReader, pair: KeyPair, tmp_path: Path, reloads: list[bool]
    ) -> None:
        path = tmp_path / "public.json"
        stat = path.stat()
        content = bytearray(path.read_bytes())
        content[-1:] = b" "
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

        assert read(reader, pair.issue()).execution == EXECUTION
        assert reloads == []


class TestAgreement:
    def capability(self, **changed: Any) -> Capability:
        return Capability(**capabilities.body(**changed))

    def report(self, **changed: Any) -> Report:
        return parse(json.dumps(capabilities.success(**changed)).encode())

    def test_report_that_is_covered_passes(self) -> None:
        check_agreement(self.report(), self.capability())

    def test_ids_left_out_pass(self) -> None:
        check_agreement(self.report(process_uuid=None), self.capability())

    def test_upper_case_ids_pass(self) -> None:
        check_agreement(self.report(process_uuid=EXECUTION.upper(), node_uuid=NODE.upper()), self.capability())

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"process_uuid": "0193a1b2-0000-7000-8000-00000000000b"}, "process_uuid"),
            ({"node_uuid": "other"}, "node_uuid"),
            ({"executor_type": "mix-audio"}, "executor_type"),
        ],
    )
    def test_other_id_disagrees(self, changed: dict[str, Any], field: str) -> None:
        with pytest.raises(ReportDisagrees, match=f"^{field} disagrees"):
            check_agreement(self.report(**changed), self.capability())

    @pytest.mark.parametrize(
        "key",
        [
            "elsewhere/output.mp4",
            PREFIX,
            PREFIX.rstrip("/"),
            f"/{PREFIX}output.mp4",
            f"{PREFIX}../output.mp4",
            f"{PREFIX}a/../../output.mp4",
            f"{PREFIX}./output.mp4",
            f"{PREFIX}a//output.mp4",
            f"{PREFIX}output.mp4/",
            f"{PREFIX}out\nput.mp4",
            f"{PREFIX.rstrip('/')}x/output.mp4",
        ],
    )
    def test_key_outside_the_prefix_disagrees(self, key: str) -> None:
        with pytest.raises(ReportDisagrees, match="outside the prefix"):
            check_agreement(self.report(result={"s3_key": key, "size": 1}), self.capability())

    def test_key_below_a_folder_of_the_prefix_passes(self) -> None:
        check_agreement(self.report(result={"s3_key": f"{PREFIX}a/b.mp4", "size": 1}), self.capability())
