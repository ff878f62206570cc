"""`hotline network create`: the umbrella's directory, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.unlock import Unlock
from node.cli.network import create
from node.config import load
from node.registry.create import HolderPlan, NetworkPlan, load_people
from node.registry.directory import RepositoryDirectory
from node.registry.errors import RegistryError
from node.setup.errors import AlreadySetUpError
from node.setup.network import NAMES, make_network
from node.setup.staging import COMPLETE, STAGE

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


def test_what_an_earlier_attempt_made_is_told_as_it_is(tmp_path: Path) -> None:
    """It was killed before its last moves; another plan is typed, and is not in force."""
    strict = NetworkPlan("demo", root=HolderPlan(2, (), 2), targets=HolderPlan(2, (), 2))
    make_network(tmp_path / "net", strict, NOW)
    back_on_its_stage(tmp_path / "net")
    made = make_network(tmp_path / "net", NetworkPlan("other"), NOW)
    assert made.created.network_id.startswith("demo-")
    assert (made.by_one, made.was_made) == ((), True)
    trial = make_network(tmp_path / "trial", NetworkPlan("other"), NOW)
    assert (trial.by_one, trial.was_made) == (("root", "targets"), False)


def test_nobody_is_said_to_decide_alone_who_does_not(tmp_path: Path) -> None:
    """Whatever the plan says that was typed."""
    strict = NetworkPlan("demo", root=HolderPlan(2, (), 2), targets=HolderPlan(2, (), 2))
    make_network(tmp_path / "net", strict, NOW)
    back_on_its_stage(tmp_path / "net")
    told = create(tmp_path / "net", NetworkPlan("demo"), None, "127.0.0.1", 8440)
    assert told.data["signed_by_one"] == []
    assert "WARNING" not in told.text
    assert "an earlier attempt" in told.text


def back_on_its_stage(directory: Path) -> None:
    """What stands there as when all was made, and nothing was moved yet."""
    stage = directory / STAGE
    stage.mkdir(mode=0o700)
    for name in NAMES:
        if (directory / name).exists():
            (directory / name).rename(stage / name)
    (stage / COMPLETE).touch()


def test_of_a_first_root_that_waits_is_told_who_signs_alone(tmp_path: Path) -> None:
    """By the root that the others are to sign."""
    elsewhere = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    plan = NetworkPlan("demo", root=HolderPlan(1, (elsewhere,), 2))
    made = make_network(tmp_path / "net", plan, NOW)
    assert (made.created.waiting, made.by_one) == (True, ("targets",))


def test_impossible_plan_leaves_nothing(tmp_path: Path) -> None:
    """More signatures than holders can't work; no secret and no directory stays."""
    plan = NetworkPlan("demo", root=HolderPlan(here=1, threshold=2))
    with pytest.raises(RegistryError, match="threshold"):
        make_network(tmp_path / "net", plan, NOW)
    assert not (tmp_path / "net.unlock").exists()
    assert not (tmp_path / "net" / "network.toml").exists()
