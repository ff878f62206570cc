"""A real authoritative name server, NSD, on loopback. `tests/parts` fetches it.

What answers here was written by others: our own server of the demo and the resolver under test can
share a mistake, this one does not.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
UNPACKED: Final = ROOT / ".parts" / "nsd"
_CONFIG: Final = """
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: ""
    xfrdfile: ""
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "example"
    zonefile: "example.zone"
zone:
    name: "ill.example"
    zonefile: "is-not-there.zone"
"""
_HEAD: Final = """
$ORIGIN example.
$TTL 60
@ IN SOA ns.example. hostmaster.example. 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.53
"""
_QUESTION: Final = struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x02ns\x07example\x00\x00\x01\x00\x01"


def find_nsd() -> Path | None:
    """Return NSD's program; None if this machine has none."""
    if found := shutil.which("nsd"):
        return Path(found)
    places = (Path("/usr/sbin/nsd"), UNPACKED / "usr/sbin/nsd")
    return next((place for place in places if place.exists()), None)


@contextmanager
def running_nsd(program: Path, folder: Path, records: str) -> Iterator[str]:
    """Serve `records` in the zone `example`; give the server as a configuration has it.

    The zone `ill.example` cannot be read: what it is asked for fails. Of every other zone this
    server knows nothing, and refuses.
    """
    port = _free_port()
    (folder / "example.zone").write_text(_HEAD + records, encoding="ascii")
    config = folder / "nsd.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder), encoding="utf-8")
    libraries = ":".join(str(path) for path in UNPACKED.glob("usr/lib/*-linux-gnu"))
    environment = {"PATH": os.environ["PATH"]} | (
        {"LD_LIBRARY_PATH": libraries} if UNPACKED in program.parents else {}
    )
    command = [str(program), "-d", "-c", str(config)]
    with (folder / "nsd.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(server, port)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _free_port() -> int:
    """A port that is free for both, as a name server needs it."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Ask until it answers."""
    for _ in range(600):
        assert server.poll() is None, "NSD ended; see nsd.log"
        with socket.socket(type=socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.05)
            asking.connect(("127.0.0.1", port))
            try:
                asking.send(_QUESTION)
                asking.recv(512)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                with suppress(subprocess.TimeoutExpired):
                    server.wait(0.05)  # it ends at once if it cannot start
                continue
            return
    raise AssertionError("NSD does not answer; see nsd.log")
