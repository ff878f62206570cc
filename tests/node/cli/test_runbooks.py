"""The pages for bad days are run as they stand: on such a day nobody has time for a wrong line."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import load_database_key
from keys.member import tls_key_id
from keys.signing import VerifyKey
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.main import run
from node.config import load
from node.setup.opening import open_keys
from node.store.channels.outbox import Outbox
from node.store.connection import open_reader, open_writer
from node.store.writer import InlineReaders, InlineWriter
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from node.config import Config
    from tests.builders.umbrella import World

RUNBOOKS = Path(__file__).parents[3] / "docs/runbooks"


def commands(name: str, who: str = "") -> list[list[str]]:
    """Give the words of each command in a page's fenced blocks, in their order.

    `who`: types them, as the fence says; empty: the member.
    """
    pattern = re.compile(rf"^```sh{who}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks = pattern.findall((RUNBOOKS / name).read_text())
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


async def stop(config: Config, peer: str, code: str) -> None:
    """Let a channel stop before a person."""
    key = load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    writer = InlineWriter(open_writer(config.store.path, key))
    readers = InlineReaders(open_reader(config.store.path, key))
    await Outbox(writer, readers).stop(peer, Lane.REPORTS, code, 1_790_000_000_000)
    readers.close()
    await writer.close()


async def test_g7_runbook_of_a_stolen_sealing_key_line_by_line(
    world: World, member_of: Any
) -> None:
    """At its end the key is revoked, listed no more and destroyed, and another one is in use."""
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    _, before = await typed("keys", "status")
    used = [one["key_id"] for one in before["keys"] if one["standing"] == "in use"]
    stolen = next(o["key_id"] for o in before["keys"] if o["purpose"] == "sealing")
    assert stolen in used
    shown: dict[str, Any] = {}
    for program, *words in commands("stolen-sealing-key.md"):
        assert program == "hotline"
        _, shown = await typed(*(stolen if word == "KEY_ID" else word for word in words))
        assert "error" not in shown
    sealing = {o["key_id"]: o["standing"] for o in shown["keys"] if o["purpose"] == "sealing"}
    assert stolen not in sealing
    assert list(sealing.values()).count("in use") == 1
    registry = world.directory.open().registry
    assert stolen not in {one.key.key_id for one in registry.member("gb-iwf").sealing}


async def test_g9_runbook_of_a_burnt_machine_line_by_line(world: World, member_of: Any) -> None:
    """At its end the node rebuilds, and no key is listed that lay on the old machine."""
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    before = {k.key.key_id for k in world.directory.open().registry.member("gb-iwf").sealing}
    config = typed.config
    for path in config.store.path.parent.glob(f"{config.store.path.name}*"):
        path.unlink()
    config.api.token_file.unlink()
    shutil.rmtree(load(config.source).registry.directory)
    stands = {"FINGERPRINT": world.fingerprint, "ADDRESS": world.mirror}
    shown: dict[str, Any] = {}
    for program, *words in commands("burnt-machine.md"):
        assert program == "hotline"
        if words == ["recover", "finish"]:
            assert (await typed(*words))[1]["error"]["code"] == "recovery_incomplete"
            words.append("--incomplete")  # there is no other member in this network
        _, shown = await typed(*(stands.get(word, word) for word in words))
        assert "error" not in shown
    document = world.directory.open().registry.member("gb-iwf")
    assert (document.recovering, document.sequence) == (None, shown["sequence"])
    assert document.turn(shown["replaces"]).until_ms == 0, "it cosigns again"
    _, found = await typed("doctor")
    assert "witness_forgot" not in {one["code"] for one in found["findings"]}
    assert not before & {one.key.key_id for one in document.sealing}
    _, status = await typed("recover", "status")
    assert status["phase"] == "rebuilding"


@pytest.mark.parametrize("purpose", ["log", "receipt"])
async def test_g7_runbook_of_a_stolen_signing_key_line_by_line(
    world: World, member_of: Any, purpose: str
) -> None:
    """At its end the key is revoked, everybody can know since when, and another one is in use."""
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    _, before = await typed("keys", "status")
    (stolen,) = (one["key_id"] for one in before["keys"] if one["purpose"] == purpose)
    words = {"KEY_ID": stolen, "PURPOSE": purpose, "TIME": "2026-11-01T08:00"}
    words |= {"PEER": "nl-eokm", "LANE": "reports"}
    await stop(typed.config, "nl-eokm", "unknown_history")
    shown: dict[str, dict[str, Any]] = {}
    for program, *line in commands("stolen-signing-key.md"):
        assert program == "hotline"
        _, told = await typed(*(words.get(word, word) for word in line))
        assert "error" not in told
        shown[line[0]] = told
    standings = {one["key_id"]: one["standing"] for one in shown["keys"]["keys"]}
    assert standings.pop(stolen) == "revoked"
    (used,) = (one for one in shown["keys"]["keys"] if one["purpose"] == purpose
               if one["standing"] == "in use")  # fmt: skip
    assert "key_revoked" not in {one["code"] for one in shown["doctor"]["findings"]}
    assert shown["verify"]["holds"]
    assert shown["compromised"] == {"resumed": 1}
    document = world.directory.open().registry.member("gb-iwf")
    assert document.turn(stolen).compromised_ms == 1_793_520_000_000
    listed = document.log if purpose == "log" else document.receipt
    assert [one.key.key_id for one in listed] == [stolen, used["key_id"]]


async def test_g7_runbook_of_a_stolen_member_key_line_by_line(
    world: World, member_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end another one is published, and the new keys open the database of before."""
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    before, section = world.directory.open().registry, typed.config.member
    _, shown = await typed("keys", "revoke", VerifyKey(before.member_keys["gb-iwf"]).key_id)
    assert "runbooks/stolen-member-key.md" in shown["error"]["message"]
    monkeypatch.chdir(tmp_path)
    (document,) = world.directory.path.rglob("targets/members/*.gb-iwf.json")
    stands = {"MEMBER": "gb-iwf", "NETWORK": before.network_id, "CC": "GB", "SEQUENCE": "2"}
    stands |= {"VERSION": "2", "DOCUMENT": str(document), "UNLOCK": section.unlock}
    stands |= {"net/network.toml": str(world.directory.path / "network.toml")}
    (make, *look), (admit,) = (commands("stolen-member-key.md", who) for who in ("", " umbrella"))
    for line in (make, admit):
        assert run([stands.get(word, word) for word in line[1:]]) == Exit.OK
    made = world.directory.open().registry
    assert made.member_keys["gb-iwf"] != before.member_keys["gb-iwf"]
    for path in (tmp_path / "new-keys/keys").iterdir():
        if path.name not in {"database.key", "node-secret.key", "fingerprint-secret.key"}:
            shutil.copy(path, section.keys_dir)
    keys = open_keys(typed.config)
    assert keys.log.public.key_id in {one.key_id for one in made.member("gb-iwf").log_keys}
    open_reader(typed.config.store.path, keys.database_key).close()
    for line in look:
        assert "error" not in (await typed(*line[1:]))[1]


@pytest.mark.parametrize("purpose", ["transport", "tls", "witness"])
async def test_g7_runbook_of_another_stolen_key_line_by_line(
    world: World, member_of: Any, purpose: str
) -> None:
    """At its end nobody believes the key, and another one is in use and published."""
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    _, before = await typed("keys", "status")
    (stolen,) = (one["key_id"] for one in before["keys"] if one["purpose"] == purpose)
    words = {"KEY_ID": stolen, "PURPOSE": purpose}
    shown: dict[str, dict[str, Any]] = {}
    for program, *line in commands("stolen-other-key.md"):
        assert program == "hotline"
        _, told = await typed(*(words.get(word, word) for word in line))
        assert "error" not in told
        shown[line[0]] = told
    mine = [one for one in shown["keys"]["keys"] if one["purpose"] == purpose]
    (used,) = (one["key_id"] for one in mine if one["standing"] == "in use")
    assert used != stolen
    assert {one["standing"] for one in mine if one["key_id"] == stolen} <= {"revoked"}
    assert "key_revoked" not in {one["code"] for one in shown["doctor"]["findings"]}
    assert stolen in world.server.revocations.revoked()["gb-iwf"]
    document = world.directory.open().registry.member("gb-iwf")
    listed = (*document.transport, *document.witness)
    assert used in {tls_key_id(pin) for pin in document.tls} | {one.key.key_id for one in listed}
