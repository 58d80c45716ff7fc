"""Tells whether an address is one of the public internet: anything else must not be asked by a mere URL."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out for public use (RFC 4291, 2.4)."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for an IPv4 address, in its last 32 bits, where a network has no IPv4 (RFC 6052)."""


def private_kind(address: str) -> str | None:
    """What keeps an address from being public ("this machine", "a private network", ...); None where it is public.

    IPv6 addresses that carry an IPv4 address (mapped, NAT64, 6to4, Teredo) are no better than that one.

    Raises:
        ValueError: it is no IP address.

    """
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return _private_v4(ip)
    for carried in _carried(ip):
        if kind := _private_v4(carried):
            return kind
    if ip.ipv4_mapped or ip in _NAT64:
        return None
    if ip.is_loopback or ip.is_unspecified:
        return "this machine"
    if ip.is_multicast:
        return "a group of machines"
    if ip.is_link_local or ip.is_private or ip.is_site_local:
        return "a private network"
    return None if ip in _GLOBAL_UNICAST and ip.is_global else "reserved"


def _private_v4(ip: IPv4Address) -> str | None:
    if ip.is_loopback or ip in _THIS_NETWORK:
        return "this machine"
    if ip.is_multicast:
        return "a group of machines"
    if ip.is_reserved:
        return "reserved"
    return None if ip.is_global else "a private network"


def _carried(ip: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address may lead to."""
    carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        carried.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]


_THIS_NETWORK = frozenset({IPv4Address("0.0.0.0")})
