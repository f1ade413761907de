"""Closed values open in their own place alone, and only while their master key is live."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_service.commands.errors import CredentialUnreadable
from pipeline_service.domain.credentials import CredentialKey, bound_to
from pipeline_service.domain.ids import Owner
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vault.file_keys import FileKeys
from pipeline_service.vault.master_keys import InvalidMasterKeys, Ring, master_keys, read_master_keys

SECRET = b"sk-canary-5f1d"
HEYGEN = CredentialKey(owner=Owner("default"), vendor="heygen")
PLACE = bound_to(HEYGEN, 1)
OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def vault(active: str = "old", **keys: bytes) -> Envelope:
    ring = Ring(active=active, keys=keys or {"old": OLD})
    return Envelope(FileKeys(lambda: ring))


def write_keys(path: Path, *, active: str, keys: Mapping[str, bytes]) -> Path:
    entries = [{"id": name, "key": base64.b64encode(key).decode()} for name, key in keys.items()]
    fresh = path.with_name("fresh")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({"active": active, "keys": entries}))
    return fresh.replace(path)


async def test_value_opens_in_its_place_and_is_nowhere_in_what_is_kept() -> None:
    sealed = await vault().seal(SECRET, bound_to=PLACE)

    assert await vault().open(sealed, bound_to=PLACE) == SECRET
    assert SECRET not in sealed.wrapped_key + sealed.nonce + sealed.ciphertext
    assert "canary" not in repr(sealed)


async def test_equal_values_are_closed_differently() -> None:
    one, other = [await vault().seal(SECRET, bound_to=PLACE) for _ in range(2)]

    assert one.nonce != other.nonce
    assert one.ciphertext != other.ciphertext
    assert one.wrapped_key != other.wrapped_key


@pytest.mark.parametrize(
    "elsewhere",
    [
        bound_to(HEYGEN, 2),
        bound_to(replace(HEYGEN, vendor="runway"), 1),
        bound_to(replace(HEYGEN, owner=Owner("users/42")), 1),
        bound_to(CredentialKey(owner=Owner('default", "heygen'), vendor=""), 1),
    ],
)
async def test_value_does_not_open_in_another_place(elsewhere: bytes) -> None:
    sealed = await vault().seal(SECRET, bound_to=PLACE)

    with pytest.raises(CredentialUnreadable):
        await vault().open(sealed, bound_to=elsewhere)


async def test_parts_of_two_rows_do_not_open_together() -> None:
    one, other = [await vault().seal(value, bound_to=PLACE) for value in (SECRET, b"another")]

    for mixed in (replace(one, wrapped_key=other.wrapped_key), replace(one, ciphertext=other.ciphertext)):
        with pytest.raises(CredentialUnreadable):
            await vault().open(mixed, bound_to=PLACE)


async def test_any_changed_bit_is_noticed() -> None:
    sealed = await vault().seal(SECRET, bound_to=PLACE)

    for name in ("wrapped_key", "nonce", "ciphertext"):
        kept: bytes = getattr(sealed, name)
        for place in range(8 * len(kept)):
            changed = bytearray(kept)
            changed[place // 8] ^= 1 << place % 8
            with pytest.raises(CredentialUnreadable):
                await vault().open(replace(sealed, **{name: bytes(changed)}), bound_to=PLACE)


async def test_rewrapped_value_needs_the_new_master_key_alone() -> None:
    sealed = await vault().seal(SECRET, bound_to=PLACE)

    moved = await vault("new", old=OLD, new=NEW).rewrap(sealed, bound_to=PLACE)

    assert moved.master_key_id == "new"
    assert moved.ciphertext == sealed.ciphertext
    assert await vault("new", new=NEW).open(moved, bound_to=PLACE) == SECRET
    with pytest.raises(CredentialUnreadable, match="'old' is not live"):
        await vault("new", new=NEW).open(sealed, bound_to=PLACE)


def test_master_keys_are_read_again_when_their_file_is_replaced(tmp_path: Path) -> None:
    reloads: list[bool] = []
    path = write_keys(tmp_path / "keys.json", active="old", keys={"old": OLD})
    keys = master_keys(path, on_reload=reloads.append)

    write_keys(path, active="new", keys={"old": OLD, "new": NEW})

    assert keys.content().active == "new"
    assert reloads == [True]


def test_broken_file_leaves_the_old_master_keys_in_force_and_is_told_of_once(tmp_path: Path) -> None:
    reloads: list[bool] = []
    path = write_keys(tmp_path / "keys.json", active="old", keys={"old": OLD})
    keys = master_keys(path, on_reload=reloads.append)

    write_keys(path, active="lost", keys={"new": NEW})

    assert [keys.content().active for _ in range(3)] == ["old"] * 3
    assert reloads == [False]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("no json", "is not JSON"),
        ("[]", "expected"),
        ('{"active": "a", "keys": []}', "one key at least"),
        ('{"active": "a", "keys": [{"id": "a", "key": "c2hvcnQ="}]}', "32 bytes"),
        ('{"active": "a", "keys": [{"id": "", "key": ""}]}', '"id" of 1 to 64'),
    ],
)
def test_wrong_master_keys_are_refused_without_quoting_them(tmp_path: Path, document: str, fault: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(document)

    with pytest.raises(InvalidMasterKeys, match=fault) as refused:
        read_master_keys(path)
    assert "c2hvcnQ=" not in str(refused.value)


def test_master_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = write_keys(tmp_path / "keys.json", active="old", keys={"old": OLD})
    path.chmod(0o644)

    with pytest.raises(InvalidMasterKeys, match="chmod 0600"):
        read_master_keys(path)
