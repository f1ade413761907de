"""What every test gets: no sockets in unit tests."""

import socket
from pathlib import Path
from typing import NoReturn

import pytest

UNIT = Path(__file__).parent / "unit"


@pytest.fixture(autouse=True)
def _no_sockets_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make connecting and binding raise in every test below tests/unit."""
    if not request.path.is_relative_to(UNIT):
        return

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        raise AssertionError(f"a unit test opened a socket to {address!r}; it belongs in tests/integration")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
