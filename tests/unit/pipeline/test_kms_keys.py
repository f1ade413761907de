"""Master keys of AWS KMS, as moto plays it: wrapping, binding, rotation; and what each of its errors means."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from pipeline_service.commands.errors import CredentialUnreadable, NoMasterKeys, Unavailable
from pipeline_service.domain.credentials import CredentialKey, bound_to
from pipeline_service.domain.ids import Owner
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vault.file_keys import FileKeys
from pipeline_service.vault.key_arns import region_of
from pipeline_service.vault.kms_keys import KmsAddress, KmsKeys
from pipeline_service.vault.master_keys import Ring

REGION = "eu-central-1"
SECRET = b"sk-canary-77aa"
PLACE = bound_to(CredentialKey(owner=Owner("default"), vendor="heygen"), 1)
NO_KEY = f"arn:aws:kms:{REGION}:123456789012:key/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def access(tmp_path: Path) -> dict[str, Path]:
    """The two key files."""
    files = {name: tmp_path / name for name in ("access_key_file", "secret_key_file")}
    for name, path in files.items():
        path.touch(mode=0o600)
        path.write_text(f"of-{name}")
    return files


@pytest.fixture
def kms(access: dict[str, Path]) -> Iterator[Any]:
    """A client of whoever administrates keys."""
    keys = {"aws_access_key_id": "admin", "aws_secret_access_key": "admin"}
    with mock_aws():
        yield boto3.client("kms", region_name=REGION, **keys)


def a_key(kms: Any) -> str:
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    return arn


async def test_value_closed_under_a_key_of_kms_opens_in_its_place_alone(kms: Any, access: dict[str, Path]) -> None:
    key = a_key(kms)
    vault = Envelope(KmsKeys(KmsAddress(keys=[key], **access)))

    sealed = await vault.seal(SECRET, bound_to=PLACE)

    assert sealed.master_key_id == key
    assert await vault.open(sealed, bound_to=PLACE) == SECRET
    elsewhere = bound_to(CredentialKey(owner=Owner("default"), vendor="runway"), 1)
    with pytest.raises(CredentialUnreadable, match="belongs elsewhere"):
        await vault.open(sealed, bound_to=elsewhere)


async def test_secrets_move_from_the_file_to_kms_and_on_to_another_key(kms: Any, access: dict[str, Path]) -> None:
    first, second = a_key(kms), a_key(kms)
    file = FileKeys(lambda: Ring(active="old", keys={"old": bytes(32)}))
    sealed = await Envelope(file).seal(SECRET, bound_to=PLACE)

    beside_the_file = Envelope(KmsKeys(KmsAddress(keys=[first], **access)), file)
    assert await beside_the_file.open(sealed, bound_to=PLACE) == SECRET
    moved = await beside_the_file.rewrap(sealed, bound_to=PLACE)
    on_two_keys = Envelope(KmsKeys(KmsAddress(keys=[second, first], **access)))
    moved_on = await on_two_keys.rewrap(moved, bound_to=PLACE)

    assert [one.master_key_id for one in (sealed, moved, moved_on)] == ["old", first, second]
    assert await Envelope(KmsKeys(KmsAddress(keys=[second], **access))).open(moved_on, bound_to=PLACE) == SECRET


async def test_key_that_is_not_ours_is_never_asked_for(kms: Any, access: dict[str, Path]) -> None:
    """Whoever may write rows may not have us take a data key of theirs."""
    ours, theirs = a_key(kms), a_key(kms)
    planted = await Envelope(KmsKeys(KmsAddress(keys=[theirs], **access))).seal(b"planted", bound_to=PLACE)

    vault = Envelope(KmsKeys(KmsAddress(keys=[ours], **access)))

    with pytest.raises(CredentialUnreadable, match="is not live"):
        await vault.open(planted, bound_to=PLACE)
    with pytest.raises(CredentialUnreadable):
        await vault.open(replace(planted, master_key_id=ours), bound_to=PLACE)


async def test_key_that_does_not_exist_closes_nothing(kms: Any, access: dict[str, Path]) -> None:
    with pytest.raises(NoMasterKeys, match="NotFoundException"):
        await Envelope(KmsKeys(KmsAddress(keys=[NO_KEY], **access))).seal(SECRET, bound_to=PLACE)


@contextmanager
def answering(keys: KmsKeys, operation: str, code: str, status: int) -> Iterator[None]:
    with Stubber(keys._client) as stub:
        stub.add_client_error(operation, service_error_code=code, http_status_code=status)
        yield


@pytest.mark.parametrize(
    ("code", "status", "on_wrap", "on_unwrap"),
    [
        ("ThrottlingException", 400, Unavailable, Unavailable),
        ("KMSInternalException", 500, Unavailable, Unavailable),
        ("KeyUnavailableException", 500, Unavailable, Unavailable),
        ("SomethingNew", 503, Unavailable, Unavailable),
        ("AccessDeniedException", 400, NoMasterKeys, CredentialUnreadable),
        ("DisabledException", 400, NoMasterKeys, CredentialUnreadable),
        ("KMSInvalidStateException", 400, NoMasterKeys, CredentialUnreadable),
        ("InvalidCiphertextException", 400, NoMasterKeys, CredentialUnreadable),
        ("IncorrectKeyException", 400, NoMasterKeys, CredentialUnreadable),
    ],
)
async def test_error_of_kms_says_whether_to_come_again(
    access: dict[str, Path], code: str, status: int, on_wrap: type[Exception], on_unwrap: type[Exception]
) -> None:
    keys = KmsKeys(KmsAddress(keys=[NO_KEY], **access))

    with answering(keys, "encrypt", code, status), pytest.raises(on_wrap):
        await keys.wrap(bytes(32), bound_to=PLACE)
    with answering(keys, "decrypt", code, status), pytest.raises(on_unwrap):
        await keys.unwrap(NO_KEY, bytes(32), bound_to=PLACE)


async def test_kms_that_is_away_is_unavailable(access: dict[str, Path]) -> None:
    keys = KmsKeys(KmsAddress(keys=[NO_KEY], **access))
    away = EndpointConnectionError(endpoint_url="https://kms")

    def fail(**_: Any) -> None:
        raise away

    keys._client.meta.events.register("before-send.kms", fail)

    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        await keys.unwrap(NO_KEY, bytes(32), bound_to=PLACE)


@pytest.mark.parametrize(
    "keys",
    [
        ["alias/montage"],
        ["arn:aws:kms:eu-central-1:123456789012:alias/montage"],
        [NO_KEY, NO_KEY.replace(REGION, "us-east-1")],
    ],
)
def test_aliases_and_keys_of_several_regions_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="arn:aws:kms:REGION"):
        region_of(keys)


def test_region_is_that_of_the_key() -> None:
    assert region_of([NO_KEY]) == REGION
