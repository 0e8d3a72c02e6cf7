"""Where a server listens, and who can read along: one rule for every door.

Without TLS a door opens to this machine alone, unless plaintext is meant: anybody between two
machines would read tokens and rows.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Any

from bighead.storage.access.authorizer import AccessError
from bighead.storage.access.tls import Tls

PORTS = 65_535
"""The greatest port."""
_PLACE = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]+):(?P<port>[0-9]{1,5})")
"""A host and a port; of IPv6 the host stands in brackets, since its own colons would be others."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place to listen at, and its security. Raises AccessError where that is not safe."""

    place: str
    """`host:port`, port 0 for any that is free, or `unix:path`."""
    tls: Tls | None = None
    plaintext: bool = False
    """Let others than this machine in without TLS."""

    def __post_init__(self) -> None:
        check_place(self.place)
        if self.tls is None and not self.plaintext and not is_loopback(self.place):
            raise AccessError(
                f"{self.place} is reached from other machines, and without TLS anybody between "
                "reads tokens and rows; give a certificate and its key, or say that plaintext is "
                "meant"
            )

    def open(self, server: Any, shared: bool = False) -> int:
        """Have a server of gRPC listen here; the port. Raises AccessError where it cannot.

        shared: others listen on the same port.
        """
        if not self.place.startswith("unix:"):
            bound(self.place, shared).close()  # gRPC would write to standard error why it cannot
        try:
            if self.tls is None:
                port: int = server.add_insecure_port(self.place)
            else:
                port = server.add_secure_port(self.place, self.tls.credentials())
        except RuntimeError as error:
            raise cannot_listen(self.place) from error
        return port


def cannot_listen(place: str) -> AccessError:
    """What to say where an address cannot be had."""
    return AccessError(
        f"cannot listen on {place}; see that nobody else does, and that the address is this "
        "machine's"
    )


def check_place(place: str) -> None:
    """Raises AccessError for what is no address: a port alone, or a host without one."""
    if place.startswith("unix:"):
        return
    found = _PLACE.fullmatch(place)
    if found is None or int(found["port"]) > PORTS:
        raise AccessError(
            f"'{place}' is no address; write HOST:PORT, such as 127.0.0.1:7654, with a port from 0 "
            f"(any that is free) to {PORTS}"
        )


def parted(place: str) -> tuple[str, str]:
    """The host, without brackets, and the port of `host:port`.

    >>> parted("[::1]:7654"), parted("localhost:0")
    (('::1', '7654'), ('localhost', '0'))
    """
    host, _, port = place.rpartition(":")
    return host.strip("[]"), port


def is_loopback(place: str) -> bool:
    """Whether only this machine reaches an address.

    >>> is_loopback("127.0.0.1:0"), is_loopback("[::1]:7"), is_loopback("0.0.0.0:7")
    (True, True, False)
    """
    if place.startswith("unix:"):
        return True
    host, _ = parted(place)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(place: str, shared: bool = False) -> socket.socket:
    """A socket that is bound to `host:port`, and does not listen yet.

    shared: others are bound to the same port. Raises AccessError where the address cannot be had.
    """
    host, port = parted(place)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, int(port)))
    except (OSError, ValueError) as error:
        made.close()
        raise cannot_listen(place) from error
    return made
