"""`hotline network create`: the umbrella's directory, its secret and its configuration.

The configuration is an ordinary one: `[member] unlock`, `[registry] directory` (the repository),
`[public]` (where `network serve` listens). The repository itself is made by `node.registry.create`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.keyfile import write_private
from keys.registry import TIMESTAMP_NAME
from keys.unlock import Unlock
from node.config import Config, load, parse
from node.config.text import render
from node.registry.create import PEOPLE, Created, NetworkPlan, create_network
from node.registry.directory import RepositoryDirectory
from node.registry.signers import roots_in
from node.setup import secret
from node.setup.staging import prepare

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_NAME = "network.toml"
NAMES = ("keys", "metadata", "targets", "staged", "lock", CONFIG_NAME)


@dataclass(frozen=True, slots=True)
class MadeNetwork:
    """What is in force, and where.

    Attributes:
        created: the network.
        config: of its verbs.
        made_secret: whether the unlocking secret was made with it.
        by_one: the roles of people for which one signature is enough.
        was_made: whether an earlier attempt had made it, by what was typed then.
    """

    created: Created
    config: Config
    made_secret: bool
    by_one: tuple[str, ...]
    was_made: bool


def make_network(
    directory: Path,
    plan: NetworkPlan,
    now_ms: int,
    *,
    unlock: str | None = None,
    listen_host: str = "127.0.0.1",
    listen_port: int = 8440,
) -> MadeNetwork:
    """Make a network in `directory`, with a configuration for the verbs of the umbrella.

    All of it appears together (`staging`): of an attempt that was interrupted nothing was told to
    anybody, and the next one throws it away, or finishes the move to its place.

    Raises:
        AlreadySetUpError: a network, or half of one, stands there; nothing was touched.
        SetupRunningError: another process is at it.
        ConfigInvalidError: a port or the unlock setting is wrong.
        RegistryError, KeysError: as `create_network`.
    """
    directory = directory.absolute()
    path = directory / CONFIG_NAME
    text = settings_text(directory, plan.name, unlock, listen_host, listen_port)
    config = parse(text, path)
    with prepare(directory, NAMES) as stage:
        made_secret, was_made = False, stage.is_complete
        if not was_made:
            with secret.ensured(config.member.unlock) as made_secret:
                unlock_ = Unlock.from_config(config.member.unlock)
                create_network(RepositoryDirectory(stage.path), plan, unlock_, now_ms)
                write_private(stage.path / CONFIG_NAME, text.encode())
        stage.finish()
    made = RepositoryDirectory(directory)
    return MadeNetwork(_created(made), load(path), made_secret, _by_one(made), was_made)


def settings_text(
    directory: Path, name: str, unlock: str | None, listen_host: str, listen_port: int
) -> str:
    """Give the configuration of a network in `directory`."""
    return render(
        {
            "member": {"id": name, "unlock": unlock or secret.default_setting(directory)},
            "public": {"enabled": True, "listen_host": listen_host, "listen_port": listen_port},
            "registry": {"directory": "."},
        }
    )


def _by_one(directory: RepositoryDirectory) -> tuple[str, ...]:
    """The roles for which one holder is enough, by the root that is there or waits."""
    if TIMESTAMP_NAME in directory.files:
        root = directory.open().root()
    else:
        root = roots_in(directory.staged)[0]
    return tuple(role for role in PEOPLE if root.roles[role].threshold == 1)


def _created(directory: RepositoryDirectory) -> Created:
    """Give what was made, now or by an attempt that was interrupted while it moved."""
    if TIMESTAMP_NAME not in directory.files:
        return Created("", "", waiting=True)
    state = directory.open()
    return Created(state.registry.network_id, state.first_root_sha256.hex(), waiting=False)
