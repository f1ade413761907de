"""What every test gets: no sockets in unit tests, and no clock on single examples."""

import socket
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

# A busy machine is no defect; that something takes far too long is seen by the time limit of each test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

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
