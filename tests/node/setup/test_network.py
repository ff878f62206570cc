"""`hotline network create`: the umbrella's directory, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keys.unlock import Unlock
from node.config import load
from node.registry.create import HolderPlan, NetworkPlan, load_people
from node.registry.directory import RepositoryDirectory
from node.registry.errors import RegistryError
from node.setup.errors import AlreadySetUpError
from node.setup.network import make_network

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000_000


def test_configuration_names_repository_secret_and_listener(tmp_path: Path) -> None:
    """The other verbs of the umbrella need nothing but this file."""
    made = make_network(tmp_path / "net", NetworkPlan("demo"), NOW, listen_port=9001)
    config = load(tmp_path / "net" / "network.toml")
    assert config == made.config
    assert config.registry.directory == tmp_path / "net"
    assert (config.public.enabled, config.public.listen_port) == (True, 9001)
    directory = RepositoryDirectory(config.registry.directory)
    assert directory.open().registry.network_id == made.created.network_id
    assert len(load_people(directory, Unlock.from_config(config.member.unlock))) == 2


def test_second_create_is_refused(tmp_path: Path) -> None:
    """A network is made once."""
    make_network(tmp_path / "net", NetworkPlan("demo"), NOW)
    with pytest.raises(AlreadySetUpError):
        make_network(tmp_path / "net", NetworkPlan("demo"), NOW)


def test_impossible_plan_leaves_nothing(tmp_path: Path) -> None:
    """More signatures than holders can't work; no secret and no directory stays."""
    plan = NetworkPlan("demo", root=HolderPlan(here=1, threshold=2))
    with pytest.raises(RegistryError, match="threshold"):
        make_network(tmp_path / "net", plan, NOW)
    assert not (tmp_path / "net.unlock").exists()
    assert not (tmp_path / "net" / "network.toml").exists()
