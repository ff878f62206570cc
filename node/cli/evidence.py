"""`hotline evidence export ITEM`, `forks`, `fork NUMBER` and `verify FILE`.

What a ledger contradicts is in `node.cli.contradictions`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from node.cli.exits import Exit
from node.cli.new_file import new_file
from node.cli.output import CliError, Result, table
from node.cli.said_twice import contradicted
from node.config import Config, load
from node.evidence.bundle import export as make_bundle
from node.evidence.check import Checked, check
from node.evidence.contradictions import check_contradiction, is_contradiction
from node.evidence.errors import BrokenBundleError
from node.evidence.forks import ProvenFork, check_fork, claims, export_fork, is_fork
from node.peer.channels.forks import KeptFork
from node.registry.updater import RegistryClient, read_fingerprint
from node.setup.joining import joined
from node.setup.opening import not_joined, open_database_key, open_fingerprints, store_place
from node.store.audits.audit import Audit
from node.store.beside import reading

MAX_BUNDLE_BYTES = 64 << 20
R = TypeVar("R")
_MEND = (
    "what a stolen key signed holds again once that channel was used under the next one;\n"
    "else see hotline verify"
)


def export(path: Path, item: str, output: Path | None) -> Result:
    """Write what members said of an item or a shared verdict, provable without this node.

    What was written is verified once; exit code 1 if it convinces nobody as it stands, 9 if of some
    entries only.

    Raises:
        EvidenceError: nothing about it was ever sent or received.
        CliError: the file stands already, or this node has not joined a network.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined_client(config)
    now_ms = time.time_ns() // 1_000_000
    alias_key = open_fingerprints(config).item(item)

    def bundle(audit: Audit) -> bytes:
        registry, files = client.listed(), client.files()
        notes = client.revocations.notes()
        us = config.member.id
        return make_bundle(audit, item, us, registry, files, now_ms, notes, alias_key=alias_key)

    raw = with_audit(config, bundle)
    target = output or Path(f"{item}.evidence.json")
    write_file(target, raw)
    flaws, status = _flaws(raw, read_fingerprint(pinned(path)), client.revocations.notes())
    data = {"item": item, "file": str(target), "size_bytes": len(raw), "holds": not flaws}
    text = f"{target}: {len(raw)} bytes; it shows addresses and hashes to whoever reads it\n"
    if flaws:
        data |= {"partly": status is Exit.PARTLY, "message": flaws[0]}
        how = "holds in part" if status is Exit.PARTLY else "does not hold"
        text += "".join(f"it {how}: {flaw}\n" for flaw in flaws) + _MEND
        return Result(data, text, status)
    text += f"check it anywhere: hotline evidence verify {target} --root FINGERPRINT"
    return Result(data, text)


def _flaws(raw: bytes, pin: bytes, notes: Sequence[bytes]) -> tuple[list[str], Exit]:
    """Say what keeps a bundle, or entries of it, from convincing anybody."""
    try:
        void = check(raw, pin, notes).void
    except BrokenBundleError as error:
        return [str(error)], Exit.PROBLEM
    return [str(one) for one in void], Exit.PARTLY if void else Exit.OK


def forks(path: Path) -> Result:
    """List the proofs that this node keeps of members that split their histories.

    Raises:
        ConfigError, KeysError, StoreError: the database cannot be read.
    """
    kept = with_audit(load(path), lambda audit: audit.forks())
    data = [_told(fork) for fork in kept]
    if not data:
        return Result({"forks": []}, "no member was found to have split its history")
    names = ("number", "accused", "origin", "sizes", "found")
    return Result({"forks": data}, table(names, [tuple(map(str, row.values())) for row in data]))


def _told(fork: KeptFork) -> dict[str, Any]:
    smaller, larger = claims(fork)
    found = datetime.fromtimestamp(fork.found_ms / 1000, UTC).isoformat(timespec="seconds")
    return {
        "number": fork.number,
        "accused": fork.peer,
        "origin": str(smaller.origin),
        "sizes": [smaller.size, larger.size],
        "found": found,
    }


def fork(path: Path, number: int, output: Path | None) -> Result:
    """Write one proof of a split history, for whoever knows the network's fingerprint.

    Raises:
        UnknownForkError: there is no such proof.
        CliError: the file stands already, or this node has not joined a network.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined_client(config)
    kept = with_audit(config, lambda audit: audit.forks())
    notes = client.revocations.notes()
    raw = export_fork(kept, number, config.member.id, client.listed(), client.files(), notes)
    target = output or Path(f"fork-{number}.evidence.json")
    write_file(target, raw)
    text = f"{target}: shows nobody's items; hotline evidence verify {target} --root FINGERPRINT"
    return Result({"number": number, "file": str(target), "size_bytes": len(raw)}, text)


def joined_client(config: Config) -> RegistryClient:
    """Return what this node believes of its network.

    Raises:
        CliError: it has not joined one.
    """
    client = joined(config)
    if client is None:
        raise CliError("registry_none", not_joined(config))
    return client


def with_audit(config: Config, read: Callable[[Audit], R]) -> R:
    """Return what `read` finds in the database.

    Raises:
        KeysError, StoreError: it cannot be read.
    """
    key = open_database_key(config)
    with reading(store_place(config), key) as store:
        return read(store.read(Audit))


def verify(path: Path, file: Path, fingerprint: str | None) -> Result:
    """Check a bundle with nothing but the bundle and the root's fingerprint.

    Exit code 1 if it does not hold, 9 if some of its entries prove less than they show.

    Args:
        path: a configuration, read only where no fingerprint is given; then the revocation notes
            that its node knows are asked as well.
        file: the bundle, or a proof of a fork or a contradiction.
        fingerprint: of the network's first root.

    Raises:
        CliError: the file cannot be read, or no root is pinned anywhere.
    """
    pin = read_fingerprint(fingerprint or pinned(path))
    raw = read_file(file)
    notes = () if fingerprint else _notes_here(path)
    try:
        if is_fork(raw):
            return _proven(check_fork(raw, pin, notes))
        if is_contradiction(raw):
            return contradicted(check_contradiction(raw, pin, notes))
        checked = check(raw, pin, notes)
    except BrokenBundleError as error:
        data = {
            "holds": False,
            "step": error.step,
            "place": error.place,
            "message": str(error),
        }
        return Result(data, f"{error}\n\nverified=no", Exit.PROBLEM)
    void = [str(one) for one in checked.void]
    partly = {"partly": True, "message": void[0]} if void else {}
    data = {
        "holds": not void,
        **partly,
        "network": checked.network,
        "item": checked.item,
        "proofs": checked.proofs,
        "witnessed": checked.witnessed,
        "unproved": {"made_by": checked.made_by, "made": checked.made},
    }
    return Result(data, _text(checked, void), Exit.PARTLY if void else Exit.OK)


def _notes_here(path: Path) -> Sequence[bytes]:
    """The revocation notes that the node of a configuration knows: one may be left out of a file.

    Raises:
        ConfigError, RegistryError: they cannot be read.
    """
    client = joined(load(path))
    return [] if client is None else client.revocations.notes()


def _proven(fork: ProvenFork) -> Result:
    data = {
        "holds": True,
        "network": fork.network,
        "accused": fork.accused,
        "origin": fork.origin,
        "sizes": list(fork.sizes),
    }
    told = f"network {fork.network}: {fork.accused} signed two histories of {fork.origin}"
    return Result(data, f"{told}\n\nverified=ok")


def _text(checked: Checked, void: Sequence[str]) -> str:
    rows = [
        (
            number,
            proof["from"],
            proof["to"],
            proof["lane"],
            proof["kind"],
            _bound(proof),
            ", ".join(proof["witnessed_by"]) or "not witnessed",
        )
        for number, proof in enumerate(checked.proofs)
    ]
    shown = table(("", "from", "to", "lane", "kind", "receipt", "witnesses"), rows)
    head = f"network {checked.network}, item {checked.item}"
    made = f"made by {checked.made_by or 'nobody it could be'} at {checked.made or 'no such time'}"
    own = f"{made}: the file's own word, not proved"
    said = f"{head}\n{own}\n{shown}\n\n"
    if not void:
        return f"{said}verified=ok ({checked.witnessed})"
    less = sum(bool(proof["void"]) for proof in checked.proofs)
    how = f"verified=partly ({less} of {len(rows)} entries prove less than they show"
    return said + "\n".join(void) + f"\n\n{how}; {checked.witnessed})"


def _bound(proof: dict[str, Any]) -> str:
    if not proof["binds"]:
        return "VOID: proves nothing"
    if proof["void"]:
        return "VOID: only the sender is bound"
    return "receipted" if proof["receipted"] else "no receipt: only the sender is bound"


def pinned(path: Path) -> str:
    """Return the fingerprint of the network that a configuration names.

    Raises:
        CliError: it names none.
    """
    root = load(path).registry.root_sha256
    if root is None:
        message = "--root: say the network's fingerprint; this configuration pins none"
        raise CliError("usage", message, Exit.USAGE)
    return root


def read_file(file: Path) -> bytes:
    """Return a file of evidence.

    Raises:
        CliError: it cannot be read, or is too large.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        message = f"file: cannot be read ({error.strerror})"
        raise CliError("file_unreadable", message, Exit.INPUT) from None
    if len(raw) > MAX_BUNDLE_BYTES:
        raise CliError("file_unreadable", "file: is too large for a bundle", Exit.INPUT)
    return raw


def write_file(target: Path, raw: bytes) -> None:
    """Write a new file for its owner only, whole or not at all."""
    try:
        with new_file(target) as file:
            file.write(raw)
    except FileExistsError:
        message = f"{target}: stands already and is never overwritten; use --output"
        raise CliError("file_exists", message) from None
    except OSError as error:
        message = f"{target}: cannot be written ({error.strerror})"
        raise CliError("file_unreadable", message, Exit.INPUT) from None
