"""Ports of the demo and of tests: each is given once, whoever else looks for one meanwhile."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from examples.demo import processes
from examples.demo.processes import free_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ports are held on Linux alone")


def is_taken(port: int) -> bool:
    """Whether another process finds the port taken."""
    looks = f"import socket; socket.socket().bind(('127.0.0.1', {port}))"
    done = subprocess.run((sys.executable, "-c", looks), capture_output=True, check=False)
    return b"in use" in done.stderr


def test_nobody_else_is_given_a_port_before_its_listener_is_there() -> None:
    """Between the look and the bind another one looked: the node did not start, now and then."""
    ports = free_ports(5)
    assert len(set(ports)) == len(ports)
    assert all(is_taken(port) for port in ports)


def test_no_outgoing_connection_takes_one() -> None:
    """Those take theirs from a range of their own."""
    assert not set(free_ports(50)) & set(processes._ephemeral())


async def test_listener_is_bound_beside_what_holds_its_port() -> None:
    """More than once: a node is restarted."""
    (port,) = free_ports(1)
    for _ in range(2):
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        server.close()
        await server.wait_closed()


def test_few_ports_are_held_at_once() -> None:
    """Those that were given long ago have their listeners, or need none."""
    free_ports(3 * processes.HELD)
    assert len(processes._held) == processes.HELD
    assert all(isinstance(one, socket.socket) for one in processes._held)
