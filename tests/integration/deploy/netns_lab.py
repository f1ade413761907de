"""Joins network namespaces by one router, gives its kernel rules, and tries connections. Run inside `unshare -rn`.

Reads one JSON object from standard input: `ends` (name → address), `rules` (arguments of `ip rule`), `ways` (source,
target, port of TCP). Prints one list: whether each way could be gone. Needs the program `ip` and nothing of ours.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence

CLONE_NEWNET = 0x40000000
ROUTER = "169.254.1.1"
SOURCE_PORT = 20000
"""The first one; none of them is a port that a rule names, as one of the kernel's choice might be."""
PATIENCE_S = 5.0

_libc = ctypes.CDLL(None, use_errno=True)


def main(plan: Mapping[str, Mapping[str, str] | Sequence[str] | Sequence[tuple[str, str, int]]]) -> list[bool]:
    ends, ways = dict(plan["ends"]), [tuple(way) for way in plan["ways"]]
    router = _here()
    places = {name: _namespace(router) for name in ends}
    _build(router, places, ends, plan["rules"])
    listening = {_listen(places[target], port) for target, port in {(way[1], way[2]) for way in ways}}
    found = [
        _connects(places[source], ends[target], port, own_port=SOURCE_PORT + number)
        for number, (source, target, port) in enumerate(ways)
    ]
    for one in listening:
        one.close()
    return found


def _build(router: int, places: Mapping[str, int], ends: Mapping[str, str], rules: Iterable[str]) -> None:
    _enter(router)
    for setting, value in (("ip_forward", "1"), ("icmp_ratelimit", "0")):
        with open(f"/proc/sys/net/ipv4/{setting}", "w", encoding="ascii") as file:
            file.write(value)
    _ip(["link set lo up", f"address add {ROUTER}/32 dev lo"])
    for number, (name, address) in enumerate(ends.items()):
        inside = f"/proc/{os.getpid()}/fd/{places[name]}"
        _ip([f"link add port{number} type veth peer name uplink netns {inside}", f"link set port{number} up"])
        _enter(places[name])
        _ip([f"address add {address}/32 dev uplink", "link set uplink up", f"route add {ROUTER} dev uplink"])
        _ip([f"route add default via {ROUTER} dev uplink"])
        _enter(router)
        _ip([f"route add {address}/32 dev port{number}"])
    # The router's own word that a way is closed reaches whoever asked, so that nobody waits.
    _ip(["rule add pref 1 iif lo lookup main", *(f"rule add {rule}" for rule in rules)])


def _listen(place: int, port: int) -> socket.socket:
    """A socket stays in the namespace it was made in."""
    _enter(place)
    return socket.create_server(("0.0.0.0", port))  # noqa: S104 - a namespace of our own


def _connects(place: int, address: str, port: int, *, own_port: int) -> bool:
    _enter(place)
    try:
        with socket.create_connection((address, port), timeout=PATIENCE_S, source_address=("", own_port)):
            return True
    except OSError:
        return False


def _namespace(router: int) -> int:
    if _libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    made = _here()
    _enter(router)
    return made


def _here() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _enter(place: int) -> None:
    if _libc.setns(place, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(lines: Sequence[str]) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True, capture_output=True)


if __name__ == "__main__":
    try:
        json.dump(main(json.load(sys.stdin)), sys.stdout)
    except subprocess.CalledProcessError as error:
        sys.exit(f"ip: {error.stderr}")
