"""Which addresses the server may call on a member's word: the guard against SSRF.

Public HTTPS only, unless KAIZEN_ALLOW_PRIVATE_TARGETS lists the very `host:port`, which may then
speak plain HTTP and live on a private network.
"""

import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from projects_app.exceptions import InvalidInput

PUBLIC_PORTS = frozenset({443, 8443})
DEFAULT_PORTS = {"https": 443, "http": 80}
# An IPv4 address travels inside these, so that "global" says nothing about where they lead.
TUNNELS = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96"))

Resolve = Callable[[str, int], Sequence[str]]


class TargetRefused(InvalidInput):
    code = "target_refused"


@dataclass(frozen=True)
class Target:
    """A checked address; `addresses` is empty for a listed one, which is not resolved here."""

    host: str
    port: int
    addresses: tuple[str, ...] = ()


def resolve_host(host: str, port: int) -> Sequence[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check_target(
    url: str, *, allowed: Collection[str] | None = None, resolve: Resolve = resolve_host
) -> Target:
    """Return where the URL leads, or raise TargetRefused saying why it must not be called.

    `allowed` defaults to KAIZEN_ALLOW_PRIVATE_TARGETS. Every address that the name has must pass.
    """
    parts, host, port = _parsed(url)
    listed = settings.CONFIG.allow_private_targets if allowed is None else allowed
    if _pair(host, port) in {entry.lower() for entry in listed}:
        return Target(host, port)
    _check_public_form(parts, host, port)
    addresses = _resolved(host, port, resolve)
    for address in addresses:
        if not is_public(address):
            raise _refused(
                f"{host} leads to {address}, which is not a public address; an operator can list "
                f"{_pair(host, port)} in KAIZEN_ALLOW_PRIVATE_TARGETS"
            )
    return Target(host, port, addresses)


def is_public(text: str) -> bool:
    """Return whether an IP address is on the public network, whatever notation hides it."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped or any(address in network for network in TUNNELS):
            return False
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _parsed(url: str) -> tuple[SplitResult, str, int]:
    if any(char.isspace() or not char.isprintable() for char in url) or "\\" in url:
        raise _refused("it holds blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise _refused("it is not a URL") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise _refused("it must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise _refused("it must not hold a user name or password; give the secret apart")
    if parts.query or parts.fragment:
        raise _refused("it must not have a query or a fragment")
    return parts, parts.hostname.lower().rstrip("."), port


def _check_public_form(parts: SplitResult, host: str, port: int) -> None:
    if parts.scheme != "https":
        raise _refused(
            "it must begin with https://, unless an operator lists "
            f"{_pair(host, port)} in KAIZEN_ALLOW_PRIVATE_TARGETS"
        )
    if port not in PUBLIC_PORTS:
        raise _refused(f"port {port} is not one of {sorted(PUBLIC_PORTS)}")


def _resolved(host: str, port: int, resolve: Resolve) -> tuple[str, ...]:
    try:
        addresses = tuple(resolve(host, port))
    except (OSError, UnicodeError) as error:
        raise _refused(f"the name {host} cannot be resolved") from error
    if not addresses:
        raise _refused(f"the name {host} has no address")
    return addresses


def _pair(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(why: str) -> TargetRefused:
    return TargetRefused(f"this address is refused: {why}", errors={"base_url": why})
