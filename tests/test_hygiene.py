"""No real site stands anywhere in this repository: neither in code, nor in tests, nor in data."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ = ("keys", "protocol", "node", "tests", "examples", "benchmarks", "docs", "deploy")
TEXTS = {".csv", ".json", ".md", ".ndjson", ".py", ".service", ".sql", ".toml", ".txt", ".yaml"}

ADDRESS = re.compile(rb"(?:https?|hxxps?)://(?:[^/@\s\"'`]*@)?([A-Za-z0-9.-]+\.[A-Za-z0-9-]+)")

SYNTHETIC = ("example", "invalid", "test", "local", "localhost", "onion", "i2p", "internal")
"""Names nobody can register (RFC 2606, RFC 6761, RFC 9476), and overlay names made up here."""

CITED = {
    "c2sp.org", "cr.yp.to", "csrc.nist.gov", "datatracker.ietf.org", "doi.org", "eprint.iacr.org",
    "files.pythonhosted.org", "github.com", "hashsharing.ncmec.org", "keepachangelog.com",
    "pypi.org", "semver.org", "theupdateframework.github.io", "url.spec.whatwg.org",
    "www.apache.org", "www.iso.org", "www.rfc-editor.org", "www.w3.org",
}  # fmt: skip
"""Specifications and registries that are referred to."""


def is_synthetic(host: str) -> bool:
    """Tell whether a host of a test or document can be nobody's."""
    last = host.rsplit(".", 1)[-1]
    if last.isalpha() or last.startswith("xn--"):
        return host in CITED or last in SYNTHETIC
    try:
        return not ipaddress.IPv4Address(host).is_global
    except ValueError:
        return True  # a malformed spelling of an address is no address


def test_every_address_is_synthetic() -> None:
    """A real host in a test would one day be taken for a reported one."""
    paths = [
        path
        for folder in READ
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in TEXTS and "vectors" not in path.parts
    ]
    found = {
        (path.relative_to(ROOT).as_posix(), host.decode().lower().rstrip("."))
        for path in [*paths, *ROOT.glob("*.md")]
        for host in ADDRESS.findall(path.read_bytes())
    }
    assert not sorted(pair for pair in found if not is_synthetic(pair[1]))
