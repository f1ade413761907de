"""Settings from a plain mapping: values, and every fault at once."""

from pathlib import Path
from typing import ClassVar

import pytest

from servicekit.config import (
    CommaList,
    ConfigError,
    HostPort,
    HostPortField,
    ServiceSettings,
    load_settings,
    read_secret,
)


class ShopSettings(ServiceSettings):
    env_prefix: ClassVar[str] = "SHOP_"
    env_also_known: ClassVar[frozenset[str]] = frozenset({"SHOP_MIGRATE_URL"})

    listen: HostPortField
    password_file: Path
    queues: CommaList = ("a",)
    lease_s: float = 60.0
    test_types: bool = False
    owner_file: Path | None = None


GOOD = {"SHOP_LISTEN": "127.0.0.1:0", "SHOP_PASSWORD_FILE": "/run/password"}


def test_load_reads_every_kind_of_value() -> None:
    settings = load_settings(
        ShopSettings,
        GOOD | {"SHOP_QUEUES": "x, y,,", "SHOP_LEASE_S": "1.5", "SHOP_TEST_TYPES": "1", "OTHER": "ignored"},
    )

    assert settings.listen == HostPort(host="127.0.0.1", port=0)
    assert settings.password_file == Path("/run/password")
    assert settings.queues == ("x", "y")
    assert (settings.lease_s, settings.test_types, settings.owner_file) == (1.5, True, None)


def test_load_treats_empty_as_not_set() -> None:
    settings = load_settings(ShopSettings, GOOD | {"SHOP_LEASE_S": "", "SHOP_OWNER_FILE": ""})

    assert (settings.lease_s, settings.owner_file) == (60.0, None)


def test_load_names_all_faults_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings(ShopSettings, {"SHOP_LISTEN": "nowhere", "SHOP_LEASE_S": "soon", "SHOP_QUEUE": "a"})

    text = str(raised.value)
    assert text.startswith("4 wrong or missing settings:")
    assert "SHOP_LISTEN: expected host:port, found 'nowhere'" in text
    assert "SHOP_PASSWORD_FILE: must be set" in text
    assert "SHOP_LEASE_S: " in text
    assert "SHOP_QUEUE: no such setting; did you mean SHOP_QUEUES?" in text


def test_load_refuses_an_unknown_variable_even_when_all_else_is_good() -> None:
    with pytest.raises(ConfigError, match="1 wrong or missing setting:\n  SHOP_PASSWORD: no such setting"):
        load_settings(ShopSettings, GOOD | {"SHOP_PASSWORD": "hunter2"})


def test_load_never_repeats_a_value_that_might_be_a_secret() -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings(ShopSettings, GOOD | {"SHOP_PASSWORD": "hunter2", "SHOP_LEASE_S": "hunter3"})

    assert "hunter" not in str(raised.value)


def test_load_lets_variables_of_another_command_pass() -> None:
    assert load_settings(ShopSettings, GOOD | {"SHOP_MIGRATE_URL": "x"}).lease_s == 60.0


def test_load_within_another_programs_prefix_refuses_what_neither_knows() -> None:
    class TillSettings(ServiceSettings):
        env_prefix: ClassVar[str] = "SHOP_TILL_"

        drawers: int = 1

    around = GOOD | {"SHOP_TILL_DRAWERS": "2"}

    assert load_settings(TillSettings, around, within=ShopSettings).drawers == 2
    with pytest.raises(ConfigError, match="SHOP_TIL_DRAWERS: no such setting; did you mean SHOP_TILL_DRAWERS"):
        load_settings(TillSettings, around | {"SHOP_TIL_DRAWERS": "3"}, within=ShopSettings)


def test_load_takes_the_process_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)

    assert load_settings(ShopSettings).password_file == Path("/run/password")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(ShopSettings, GOOD).lease_s = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("localhost:80", "localhost", 80), ("0.0.0.0:0", "0.0.0.0", 0), ("[::1]:443", "::1", 443)],  # noqa: S104 # only parsed
)
def test_host_port_reads_and_writes_the_same_text(text: str, host: str, port: int) -> None:
    parsed = HostPort.parse(text)

    assert (parsed.host, parsed.port, str(parsed)) == (host, port, text)


@pytest.mark.parametrize(
    "text", ["", "localhost", ":80", "localhost:", "localhost:x", "a:-1", "a:65536", "::1:80", "a:\uff180"]
)
def test_host_port_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        HostPort.parse(text)


class TestSecret:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "secret"
        path.write_bytes(b"p\xc3\xa4ss word\r\n")
        path.chmod(0o600)
        return path

    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
    def test_private_file_gives_its_text_without_the_line_end(self, file: Path, mode: int) -> None:
        file.chmod(mode)

        assert read_secret(file) == "päss word"

    @pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601, 0o620, 0o777])
    def test_file_that_others_may_touch_is_refused(self, file: Path, mode: int) -> None:
        file.chmod(mode)

        with pytest.raises(ConfigError, match="chmod 0600"):
            read_secret(file)

    @pytest.mark.parametrize(
        ("content", "fault"), [(b"", "empty"), (b"\n", "empty"), (b"\xff", "UTF-8"), (b"x" * 65537, "larger")]
    )
    def test_unusable_content_is_refused(self, file: Path, content: bytes, fault: str) -> None:
        file.write_bytes(content)

        with pytest.raises(ConfigError, match=fault):
            read_secret(file)

    def test_missing_file_and_folder_are_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none", tmp_path):
            with pytest.raises(ConfigError, match="secret file"):
                read_secret(path)
