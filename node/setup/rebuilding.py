"""`hotline network rebuild`: the umbrella's directory anew, from what mirrors keep of the registry.

Every node serves the registry that it verified last, so the directory of a burnt machine stands at
each member; only the keys do not. What comes is verified from the fingerprint. Whether it has
expired is not asked: nobody could sign it meanwhile. Online keys are made afterwards (`hotline
network rekey`): under the next root no version is used twice, however old the newest mirror was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keys.keyfile import write_private
from node.config import parse
from node.registry.directory import sync_folders, write_file
from node.registry.errors import MirrorsFailedError, WrongFingerprintError
from node.registry.fetch import fetch_verified
from node.registry.updater import read_fingerprint
from node.setup.network import CONFIG_NAME, NAMES, settings_text
from node.setup.staging import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keys.registry import Registry, VerifiedSet
    from node.registry.transport import Transport

_BEFORE_ANY_END_MS: Final = 0


def rebuild_network(
    directory: Path,
    fingerprint: str,
    mirrors: Sequence[str],
    transport: Transport,
    *,
    unlock: str | None = None,
    listen_host: str = "127.0.0.1",
    listen_port: int = 8440,
) -> Registry:
    """Make the directory and configuration of a network from the newest that a mirror has of it.

    Args:
        directory: where it is made; empty or new.
        fingerprint: SHA-256 of the first root, as people were told it.
        mirrors: addresses of mirrors, or of members' peer listeners; those that fail are left out.
        transport: how they are asked.
        unlock: where the secret of key files is to be; None: beside the directory.
        listen_host: where `network serve` listens.
        listen_port: likewise.

    Raises:
        RefusedError: the fingerprint or an address is none.
        WrongFingerprintError, MirrorsFailedError: no mirror gives that network.
        SetupError: something stands there; nothing was touched.
        ConfigInvalidError: a port or the unlock setting is wrong.
    """
    directory = directory.absolute()
    found = _newest(read_fingerprint(fingerprint), mirrors, transport)
    text = settings_text(directory, found.registry.network.name, unlock, listen_host, listen_port)
    parse(text, directory / CONFIG_NAME)
    with prepare(directory, NAMES) as stage:
        if not stage.is_complete:
            for name, raw in found.files.items():
                write_file(stage.path, name, raw)
            sync_folders(stage.path, list(found.files))
            write_private(stage.path / CONFIG_NAME, text.encode())
        stage.finish()
    return found.registry


def _newest(pin: bytes, mirrors: Sequence[str], transport: Transport) -> VerifiedSet:
    """Ask every mirror; give the newest registry that verifies.

    Raises:
        WrongFingerprintError, MirrorsFailedError: none does; the first one's reason.
    """
    found: list[VerifiedSet] = []
    failed: list[MirrorsFailedError | WrongFingerprintError] = []
    for mirror in mirrors:
        try:
            with transport.open(mirror) as get:
                found.append(fetch_verified(get, pin, {}, _BEFORE_ANY_END_MS))
        except (MirrorsFailedError, WrongFingerprintError) as error:
            failed.append(error)
    if not found:
        raise failed[0] if failed else MirrorsFailedError("no_mirror")
    return max(found, key=lambda one: (one.registry.root_version, one.registry.timestamp_version))
