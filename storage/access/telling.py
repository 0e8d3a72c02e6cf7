"""Telling Prometheus what a process counts: on a port of this machine, for every door alike."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, start_http_server

from bighead.storage.access.authorizer import AccessError


def tell(port: int, registry: CollectorRegistry) -> int:
    """Answer Prometheus on a port of 127.0.0.1, 0 for any that is free; which one it is.

    Raises AccessError where the port cannot be had.
    """
    try:
        server, _ = start_http_server(port, "127.0.0.1", registry)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise AccessError(f"cannot tell metrics on port {port}: {why}; give another one") from error
    return int(server.server_port)
