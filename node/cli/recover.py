"""`hotline recover begin | status | allow | refuse | finish`: a lost node comes back."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from node.cli.exits import Exit
from node.cli.looking import probe
from node.cli.output import CliError, Result, table
from node.config import load
from node.doctor.findings import span
from node.setup import recovering
from node.setup.joining import joined
from node.setup.opening import open_database_key, store_place
from node.store.beside import reading, writing
from node.store.recovery import handing_back, recovered

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config
    from node.store.beside import Beside

_WITNESS = (
    "it forgot what it cosigned as a witness, and cosigns no ledger until, while member.key is\n"
    "here: hotline keys rotate witness --after-restore. That ends the weight of all that it ever\n"
    "cosigned; the runbook of the burnt machine says who leaves it"
)
"""What a person decides while the member key is at hand (docs/protocol.md §8.12.9)."""


_UNKNOWN = (
    "this node recovers, and the registry here does not say so, so that no peer hands anything\n"
    "back: type hotline recover begin again (or finish, if that was under way)"
)


def begin(path: Path, umbrella: str | None) -> Result:
    """Begin to come back on an empty database.

    Raises:
        CliError: the node runs.
        SetupError, RegistryError, KeysError, StoreError: as `recovering.begin`.
    """
    config = load(path)
    if probe(config).answers:
        raise CliError("node_running", "node: it runs, so nothing was lost; or stop it first")
    begun = recovering.begin(config, _now_ms(), umbrella)
    text = (
        f"{begun.database}: empty, and it knows that it recovers\n"
        f"published, version {begun.sequence}: peers may seal to {begun.sealing_key} alone\n"
        "take member.key away again; telephone each peer, so that a person there allows it;\n"
        "hotline run, then hotline recover status"
    )
    return Result({**asdict(begun), "database": str(begun.database)}, text)


def status(path: Path) -> Result:
    """Show what comes back to this member, and what others have back from it.

    Raises:
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config, now_ms = load(path), _now_ms()
    data = {**_facts(config), "published": _is_published(config)}
    unknown = data["phase"] == recovered.ASKING and not data["published"]
    lines = [_UNKNOWN if unknown else _phase_line(data)]
    if data["channels"]:
        head = ("peer", "lane", "standing", "came back", "erased there", "taken again")
        rows = [tuple(map(str, row.values())) for row in data["channels"]]
        lines.append(table(head, rows))
    for one in data["handed_back"]:
        asked = span(now_ms - one["asked_ms"])
        lines.append(f"{one['peer']} asked {asked} ago: {one['word']}, {one['entries']} entries")
    waits = any(one["word"] == "waits for a person here" for one in data["handed_back"])
    return Result(data, "\n".join(lines), Exit.PROBLEM if waits or unknown else Exit.OK)


def decide(path: Path, member: str, *, allowed: bool, again: bool = False) -> Result:
    """Say whether a member may have back what it had said to this one.

    Raises:
        CliError: it has not asked, or was allowed another recovery lately.
        ConfigError, KeysError, StoreError: it cannot be written.
    """
    config, now_ms = load(path), _now_ms()
    key = open_database_key(config)
    with writing(store_place(config), key) as store:
        done = store.write(handing_back.decide, member, now_ms, allowed=allowed, again=again)
        given = [one.entries for one in store.read(handing_back.handed_back) if one.peer == member]
    if done == "not_asked":
        mend = "member: it has asked for nothing here; see hotline recover status"
        raise CliError("not_asked", mend)
    if done == "recovered_lately":
        mend = "member: it was handed everything some days ago; telephone, then --again"
        raise CliError("recovered_lately", mend)
    word = "is handed back what it had said here" if allowed else "gets nothing"
    if not allowed and given[0]:
        word = f"gets nothing more; {given[0]} entries were handed back to it already"
    return Result({"member": member, "allowed": allowed}, f"{member} {word}")


def finish(path: Path, umbrella: str | None, *, incomplete: bool) -> Result:
    """End the asking: what has come back is all there is.

    Raises:
        CliError: this node does not recover, or a channel has not come back yet.
        SetupError, RegistryError, KeysError, StoreError: as `recovering.finish`.
    """
    config = load(path)
    data = _facts(config)
    if data["phase"] != recovered.ASKING:
        raise CliError("not_recovering", "node: it does not recover; nothing is to be finished")
    missing = [f"{c['peer']}/{c['lane']}" for c in data["channels"] if c["standing"] != "end"]
    if (missing or not data["channels"]) and not incomplete:
        left = ", ".join(missing[:5]) or "no peer has answered"
        mend = f"channels: not back yet: {left}; wait, or --incomplete"
        raise CliError("recovery_incomplete", mend)
    sequence = recovering.finish(config, _now_ms(), umbrella)
    text = f"published, version {sequence}; the running node rebuilds, then works as ever\n"
    text += _WITNESS
    return Result({"sequence": sequence, "missing": missing}, text)


def _facts(config: Config) -> dict[str, Any]:
    key = open_database_key(config)
    with reading(store_place(config), key) as store:
        return _read(store)


def _is_published(config: Config) -> bool:
    """Whether the registry here says that this member recovers."""
    client = joined(config)
    document = client and client.current().members.get(config.member.id)
    return bool(document and document.recovering)


def _read(store: Beside) -> dict[str, Any]:
    taken = store.read(recovered.taken_again)
    channels = [
        {
            "peer": one.peer,
            "lane": str(one.lane),
            "standing": one.standing,
            "entries": one.entries,
            "erased": one.erased,
            "taken": taken.get((one.peer, str(one.lane)), 0),
        }
        for one in store.read(recovered.progress)
    ]
    handed_back = store.read(handing_back.handed_back)
    given = [{**one._asdict(), "word": _word(one)} for one in handed_back]
    phase = store.read(recovered.phase)
    return {"phase": phase, "channels": channels, "handed_back": given}


def _word(one: handing_back.HandedBack) -> str:
    if one.decided_ms is None:
        return "waits for a person here"
    return "allowed" if one.allowed else "refused"


def _phase_line(data: dict[str, Any]) -> str:
    return {
        None: "this node does not recover",
        recovered.ASKING: "this node asks its peers for what it had said",
        recovered.REBUILDING: "this node rebuilds from what has come back",
    }[data["phase"]]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
