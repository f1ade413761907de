"""Which network addresses a fetch may connect to: public ones only, whatever name led there."""

import ipaddress
from typing import TypeAlias

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# `is_global` differs between Python versions (3.11.7 lets the first six pass), and the ranges that embed an IPv4
# address lead wherever that one leads.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of local use
        "2002::/16",  # 6to4
        "192.0.0.0/24",  # IETF protocol assignments
        "224.0.0.0/4",  # multicast
        "ff00::/8",  # multicast
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "5f00::/16",  # segment routing
        "100.64.0.0/10",  # carrier-grade NAT
        "fec0::/10",  # the site-local range of old
    )
)


def is_public(address: IpAddress) -> bool:
    """Whether anyone on the internet would reach the same host there."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return False
    refused = any(address.version == network.version and address in network for network in _REFUSED)
    return address.is_global and not address.is_multicast and not refused
