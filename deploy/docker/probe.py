"""Asks an ops listener on loopback: `python -I -S probe.py PORT [PATH]` ends with 0 if it answers 200, else with 1.

For health checks that run inside the container, because nobody outside of it can reach loopback. Without PATH it is
enough that the port accepts a connection. Imports next to nothing: it starts every few seconds.
"""

import socket
import sys

_TIMEOUT_S = 4.0


def is_well(port: int, path: str | None) -> bool:
    """Whether the listener answers 200 in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as connection:
            if path is None:
                return True
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode("ascii"))
            return _status(connection) == b"200"
    except OSError:
        return False


def _status(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n" not in head:
        received = connection.recv(256)
        if not received:
            return b""
        head += received
    return head.split(b" ", 2)[1]


if __name__ == "__main__":
    sys.exit(0 if is_well(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None) else 1)
