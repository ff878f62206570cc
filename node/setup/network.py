"""`hotline network create`: the umbrella's directory, its secret and its configuration.

The configuration is an ordinary one: `[member] unlock`, `[registry] directory` (the repository),
`[public]` (where `network serve` listens). The repository itself is made by `node.registry.create`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.keyfile import make_directory, write_private
from keys.unlock import Unlock
from node.config import Config, parse
from node.config.text import render
from node.registry.create import Created, NetworkPlan, create_network
from node.registry.directory import RepositoryDirectory
from node.setup import secret
from node.setup.errors import AlreadySetUpError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_NAME = "network.toml"


@dataclass(frozen=True, slots=True)
class MadeNetwork:
    """What was made, and where."""

    created: Created
    config: Config
    made_secret: bool


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

    An attempt that was interrupted before the configuration was written is refused by name: its
    keys may already have been told to somebody.

    Raises:
        AlreadySetUpError: there is a configuration already; nothing was touched.
        ConfigInvalidError: a port or the unlock setting is wrong.
        RegistryError, KeysError: as `create_network`.
    """
    directory = directory.absolute()
    path = directory / CONFIG_NAME
    if path.exists():
        raise AlreadySetUpError(f"{path}: stands already; choose another directory")
    text = render(
        {
            "member": {"id": plan.name, "unlock": unlock or secret.default_setting(directory)},
            "public": {"enabled": True, "listen_host": listen_host, "listen_port": listen_port},
            "registry": {"directory": "."},
        }
    )
    config = parse(text, path)
    with secret.ensured(config.member.unlock) as made_secret:
        make_directory(directory)
        created = create_network(
            RepositoryDirectory(directory), plan, Unlock.from_config(config.member.unlock), now_ms
        )
        write_private(path, text.encode())
    return MadeNetwork(created, config, made_secret)
