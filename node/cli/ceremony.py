"""`hotline network proposal | countersign | collect | holders | rekey`: signed elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.network import decided, keepers_of, now_ms
from node.cli.new_file import new_file
from node.cli.output import CliError, Result
from node.config import load
from node.registry import admit as decisions
from node.registry import ceremony, repository, showing, staging
from node.registry.create import (
    HolderPlan,
    check_holders,
    load_holder_key,
    load_online,
    load_people,
)
from node.registry.directory import RepositoryDirectory
from node.registry.updater import read_fingerprint
from node.setup import secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.registry.signers import Holders

MAX_FILE_BYTES = 1 << 21


def proposal(path: Path, file: Path) -> Result:
    """Write what waits for signatures into a file that travels.

    Raises:
        RegistryError: nothing waits.
        CliError: the file cannot be written.
    """
    directory = RepositoryDirectory(load(path).registry.directory)
    raw = staging.staged_proposal(directory)
    _write(file, raw)
    digest = ceremony.read(raw).digest
    text = f"{file}: carry it to holders, who run: hotline network countersign {file.name}"
    return Result({"file": str(file), "digest": digest}, f"{text}\ndigest       {digest}")


def countersign(
    file: Path,
    fingerprint: str | None,
    keys: Sequence[Path],
    unlock: str | None,
    output: Path | None,
) -> Result:
    """Show what a proposal says; with keys, sign it into a file that travels back.

    Args:
        file: the proposal.
        fingerprint: of the network, as the holder was told it; None for a new network.
        keys: key files of the holder; none: nothing is signed.
        unlock: the secret that opens them.
        output: file to make.

    Raises:
        RegistryError, KeysError: it does not verify, or is not for these keys.
        CliError: a file cannot be read or written, or an option is missing.
    """
    pin = None if fingerprint is None else read_fingerprint(fingerprint)
    waiting = ceremony.read(_read(file))
    shown = "\n".join(showing.lines(waiting, waiting.verified_present(pin)))
    if not keys:
        return Result({"digest": waiting.digest, "signed": False, "shown": shown}, shown)
    if unlock is None or output is None:
        raise CliError("usage", "--key: needs --unlock and --out beside it", Exit.USAGE)
    opened_by = Unlock.from_config(_absolute(unlock))
    raw = ceremony.countersign(waiting, pin, [load_holder_key(key, opened_by) for key in keys])
    _write(output, raw)
    data = {"digest": waiting.digest, "signed": True, "shown": shown, "file": str(output)}
    return Result(data, f"{shown}\n\nsigned       {output}: give it back to the umbrella")


def collect(path: Path, files: Sequence[Path]) -> Result:
    """Put signatures of holders elsewhere together, and publish if they suffice.

    Raises:
        RegistryError: one does not verify or is for another proposal; nothing was kept.
        CliError: a file cannot be read.
    """
    config = load(path)
    directory = RepositoryDirectory(config.registry.directory)
    online = load_online(directory, Unlock.from_config(config.member.unlock))
    raws = [_read(file) for file in files]
    decision = decisions.collect_signatures(directory, raws, online, now_ms())
    if decision is None:
        return Result({"published": False}, "kept; more holders have to sign")
    return decided(decision)


def holders(
    path: Path,
    root: tuple[Sequence[str], int | None],
    targets: tuple[Sequence[str], int | None],
    keys: Sequence[Path],
) -> Result:
    """Show who signs root and targets, or propose others.

    Args:
        path: the network's configuration.
        root: public keys of all who sign root from then on, and how many must; none: as now.
        targets: the same for targets.
        keys: key files of holders at hand.

    Raises:
        RegistryError: a threshold that could not be met, one key for two roles, or another
            proposal waits.
    """
    directory, keepers = keepers_of(path, keys)
    now = repository.holders_of(directory.open())
    wanted = replace(
        now,
        root=_publics("--root-key", root[0]) or now.root,
        root_threshold=root[1] or now.root_threshold,
        targets=_publics("--targets-key", targets[0]) or now.targets,
        targets_threshold=targets[1] or now.targets_threshold,
    )
    if not any((*root, *targets)):
        return _shown(now)
    check_holders(
        HolderPlan(0, tuple(wanted.root), wanted.root_threshold),
        HolderPlan(0, tuple(wanted.targets), wanted.targets_threshold),
        [key.public.ed25519 for key in (keepers.online.snapshot, keepers.online.timestamp)],
    )
    return decided(decisions.renew(directory, keepers, now_ms(), wanted))


def rekey(path: Path, keys: Sequence[Path]) -> Result:
    """Make other snapshot and timestamp keys here, and propose the root that names them.

    Args:
        path: the network's configuration; its unlocking secret is made where it is missing.
        keys: key files of holders at hand.

    Raises:
        RegistryError: another proposal waits, or the directory holds no network.
        KeysError: a key file or the unlocking secret cannot be used.
    """
    config = load(path)
    directory = RepositoryDirectory(config.registry.directory)
    with secret.ensured(config.member.unlock):
        unlock = Unlock.from_config(config.member.unlock)
    people = [*load_people(directory, unlock), *(load_holder_key(key, unlock) for key in keys)]
    return decided(decisions.replace_online(directory, people, unlock, now_ms()))


def _shown(now: Holders) -> Result:
    roles = (
        ("root", now.root_threshold, now.root),
        ("targets", now.targets_threshold, now.targets),
    )
    data, lines = {}, []
    for role, threshold, keys in roles:
        shown = [key.hex() for key in keys]
        data[role] = {"threshold": threshold, "keys": shown}
        lines += [f"{role} is signed by {threshold} of {len(keys)}", *(f"  {k}" for k in shown)]
    return Result(data, "\n".join(lines))


def _publics(option: str, given: Sequence[str]) -> tuple[bytes, ...]:
    try:
        return tuple(bytes.fromhex(one) for one in given)
    except ValueError:
        message = f"{option}: write the public key as 64 hexadecimal digits"
        raise CliError("usage", message, Exit.USAGE) from None


def _absolute(setting: str) -> str:
    scheme, _, rest = setting.partition(":")
    return f"file:{Path(rest).absolute()}" if scheme == "file" else setting


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_FILE_BYTES)
    except OSError as error:
        message = f"{file}: cannot be read ({error.strerror})"
        raise CliError("file_unreadable", message, Exit.INPUT) from None


def _write(file: Path, raw: bytes) -> None:
    try:
        with new_file(file, 0o666) as opened:
            opened.write(raw)
    except FileExistsError:
        message = f"{file}: stands already and is never overwritten; name another"
        raise CliError("file_exists", message, Exit.INPUT) from None
    except OSError as error:
        message = f"{file}: cannot be written ({error.strerror})"
        raise CliError("file_unreadable", message, Exit.INPUT) from None
