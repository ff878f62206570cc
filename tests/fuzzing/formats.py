"""Good inputs in the formats that others write: files, requests, bundles."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path

from keys.keyring import MemberKeys
from node.config.sections import section_types
from node.evidence.bundle import export
from node.registry.admission import make_request
from node.registry.publish import make_publication
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from tests.builders.network import NOW_MS, make_document, member_keys
from tests.simulation.world import World

NETWORK = "demo-0123456789abcdef"


def csv_file() -> bytes:
    """Return a file as hotlines hand it in today."""
    return (
        b"URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE\n"
        b"https://site7.example/1.jpg;https://board.example/;analyst@hotline.example;R-1;public;image\n"
        b'"https://site7.example/a;b";;;R-2;public;\r\n'
        b"http://[2001:db8::1]/;;;;public;website\n"
    )


def draft_json() -> bytes:
    """Return one report as JSON."""
    item = {
        "url": "https://site7.example/1.jpg",
        "kind": "image",
        "hashes": {"sha256": "ab" * 32, "md5": "cd" * 16, "length": 7},
        "access": {"referrer": "https://board.example/", "vantage": "NL"},
        "found": "2026-01-01T00:00:00+01:00",
        "assessments": [{"verdict": "national", "law": "gb.poca", "labels": []}],
    }
    draft = {"items": [item], "source": "public", "reference": "R-1", "child_at_risk": True}
    return json.dumps(draft | {"workuser": "a@b.example", "note": "\u00e4"}).encode()


def _keys() -> MemberKeys:
    return member_keys("gb-iwf")


@cache
def request() -> bytes:
    """Return an admission request."""
    return make_request(
        _keys(),
        make_document(NETWORK, "gb-iwf"),
        network=NETWORK,
        name="IWF",
        roles=["hotline"],
        jurisdictions=["GB"],
        now_ms=NOW_MS,
    )


@cache
def publication() -> bytes:
    """Return what a member posts when its document changes."""
    return make_publication(_keys(), make_document(NETWORK, "gb-iwf", sequence=2), 2, NOW_MS)


def config_text() -> bytes:
    """Return a configuration with a key of every section."""
    sections = "".join(f"[{name}]\n" for name in section_types() if name not in ("member", "peer"))
    member = '[member]\nid = "gb-iwf"\nunlock = "file:/nowhere/secret"\n'
    return (member + sections + "[peer]\nlisten_port = 8441\n").encode()


@cache
def bundle() -> tuple[bytes, bytes]:
    """Return an evidence bundle of one hand-over, and the fingerprint of its network's root."""
    return asyncio.run(_bundle())


async def _bundle() -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), ["gb-iwf", "nl-eokm"])
        await world.start()
        result = await world["gb-iwf"].submit("https://nl1.example/1.jpg", sha256="ab" * 32)
        await world.settle()
        node, item = world["gb-iwf"], result.items[0].item_id
        await world.close()
        connection = open_reader(node.path, node.keys.database_key)
        made = export(Audit(connection), item, "gb-iwf", world.registry, dict(world.files), NOW_MS)
        connection.close()
        return made, hashlib.sha256(world.files["metadata/1.root.json"]).digest()
