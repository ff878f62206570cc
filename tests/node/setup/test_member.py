"""`hotline init`: everything a member needs, made at once, never over anything."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from keys.errors import KeysError
from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.api.access import Scope, digest_of
from node.config import ConfigError, load
from node.registry.admission import read_request
from node.registry.errors import RefusedError
from node.setup.errors import AlreadySetUpError, SetupError
from node.setup.member import NewMember, make_member
from node.setup.staging import COMPLETE, STAGE
from node.store.connection import open_reader, open_writer
from node.store.items.access import Access
from node.store.writer import InlineReaders, InlineWriter

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000_000
SERVER = "postgresql://hotline@db.example/hotline?sslmode=verify-full"
MADE = {"keys", "node.db", "admin.token", "admission.json", "node.toml"}


def wish(tmp_path: Path, **changes: Any) -> NewMember:
    """Give what a person decides for gb-iwf, with changes."""
    new = NewMember(
        directory=tmp_path / "node",
        member="gb-iwf",
        name="Hotline of the north",
        network="demo-0123456789abcdef",
        jurisdictions=("GB",),
        endpoint="https://node.example:8441",
    )
    return replace(new, **changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one member for the tests that only look."""
    tmp_path = tmp_path_factory.mktemp("made")
    make_member(wish(tmp_path), NOW)
    return tmp_path


class TestWhatIsMade:
    """One directory with all, one secret beside it."""

    def test_directory_holds_exactly_what_is_promised(self, made: Path) -> None:
        """No temporary file, no lock, no journal is left."""
        assert {path.name for path in (made / "node").iterdir()} == MADE
        assert {path.name for path in made.iterdir()} == {"node", "node.unlock"}

    def test_private_files_are_for_their_owner_only(self, made: Path) -> None:
        """Keys, token, database and the unlocking secret."""
        files = [made / "node.unlock", *(p for p in (made / "node").rglob("*") if p.is_file())]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}

    def test_configuration_is_valid_and_refers_to_the_secret(self, made: Path) -> None:
        """`config check` passes on what init writes; the secret itself is not in it."""
        config = load(made / "node" / "node.toml")
        assert config.member.unlock == f"file:{made / 'node.unlock'}"
        assert config.peer.endpoint == "https://node.example:8441"
        secret = (made / "node.unlock").read_text().strip()
        assert secret not in config.source.read_text()

    def test_keys_open_with_the_secret_and_the_database_with_the_key(self, made: Path) -> None:
        """What was made fits together."""
        config = load(made / "node" / "node.toml")
        keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
        assert keys.member is not None
        open_reader(config.store.path, keys.database_key).close()

    def test_admission_request_verifies_and_asks_what_was_wished(self, made: Path) -> None:
        """The umbrella's own check passes, proofs of possession included."""
        request = read_request((made / "node" / "admission.json").read_bytes())
        assert (request.member, request.network) == ("gb-iwf", "demo-0123456789abcdef")
        assert request.jurisdictions == ("GB",)
        assert request.verified.document.endpoint == "https://node.example:8441"
        assert request.verified.document.reachable

    def test_admin_token_is_known_to_the_database(self, made: Path) -> None:
        """The command line can talk to the node from its first start."""
        config = load(made / "node" / "node.toml")
        keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
        writer = InlineWriter(open_writer(config.store.path, keys.database_key))
        readers = InlineReaders(open_reader(config.store.path, keys.database_key))
        token = config.api.token_file.read_text().strip()
        found = asyncio.run(Access(writer, readers).find_token(digest_of(token)))
        assert found is not None
        assert found.permits(Scope.ADMIN)
        readers.close()
        asyncio.run(writer.close())

    def test_node_without_endpoint_says_that_it_cannot_be_reached(self, tmp_path: Path) -> None:
        """Such a node fetches by itself."""
        make_member(wish(tmp_path, endpoint=None), NOW)
        request = read_request((tmp_path / "node" / "admission.json").read_bytes())
        assert request.verified.document.endpoint is None
        assert not request.verified.document.reachable

    def test_configuration_may_stand_elsewhere(self, tmp_path: Path) -> None:
        """As packages do it: /etc for the configuration, /var/lib for the rest."""
        (tmp_path / "etc").mkdir()
        make_member(wish(tmp_path, config=tmp_path / "etc" / "node.toml"), NOW)
        config = load(tmp_path / "etc" / "node.toml")
        assert config.store.path == tmp_path / "node" / "node.db"
        assert config.store.path.exists()
        assert {path.name for path in (tmp_path / "node").iterdir()} == MADE - {"node.toml"}


class TestNothingIsOverwritten:
    """Init is safe to type again."""

    def test_second_init_is_refused_and_changes_nothing(self, made: Path) -> None:
        """Every byte stays."""
        before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
        with pytest.raises(AlreadySetUpError):
            make_member(wish(made), NOW)
        assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before

    def test_existing_secret_is_used_as_it_is(self, tmp_path: Path) -> None:
        """An administrator may have prepared it."""
        secret = tmp_path / "prepared"
        secret.write_text("p" * 44)
        secret.chmod(0o600)
        result = make_member(wish(tmp_path, unlock=f"file:{secret}"), NOW)
        assert not result.made_secret
        assert secret.read_text() == "p" * 44

    def test_secret_open_to_others_is_refused(self, tmp_path: Path) -> None:
        """The message names the command that mends it."""
        secret = tmp_path / "prepared"
        secret.write_text("p" * 44)
        secret.chmod(0o644)
        with pytest.raises(KeysError, match="chmod 600"):
            make_member(wish(tmp_path, unlock=f"file:{secret}"), NOW)
        assert not (tmp_path / "node").exists()

    def test_failed_init_leaves_no_secret_behind(self, tmp_path: Path) -> None:
        """A variable that is not set stops it before anything stands."""
        with pytest.raises(KeysError, match="not set"):
            make_member(wish(tmp_path, unlock="env:HX_TEST_NOT_SET"), NOW)
        assert list(tmp_path.iterdir()) == []


def test_configuration_without_a_directory_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    """Typed again with the right place, it is a first attempt."""
    new = wish(tmp_path, config=tmp_path / "etc" / "node.toml")
    with pytest.raises(SetupError, match=r"config: .*make it first"):
        make_member(new, NOW)
    assert list(tmp_path.iterdir()) == []


class TestBrokenOffInItsLastMoves:
    """All is made and the configuration has no place yet: typed again, it is finished."""

    @pytest.mark.parametrize(
        "change",
        [
            {"store": SERVER},
            {"member": "de-eco"},
            {"jurisdictions": ("DE",)},
            {"unlock": "env:HX_TEST_NOT_SET"},
            {"config": None},
        ],
    )
    def test_another_wish_is_refused_and_the_first_can_still_be_finished(
        self, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        """A database would go that the configuration names, or another member be told of."""
        first = wish(tmp_path, config=tmp_path / "etc" / "node.toml")
        broken_off(first)
        with pytest.raises(SetupError, match="with the same options"):
            make_member(replace(first, **change), NOW)
        (tmp_path / "etc").chmod(0o700)
        assert make_member(first, NOW).resumed
        assert works(tmp_path / "etc" / "node.toml")
        assert {path.name for path in (tmp_path / "node").iterdir()} == MADE - {"node.toml"}

    def test_a_database_that_an_earlier_release_left_there_is_never_thrown_away(
        self, tmp_path: Path
    ) -> None:
        """It wrote down no wish."""
        first = wish(tmp_path, config=tmp_path / "etc" / "node.toml")
        broken_off(first)
        (tmp_path / "node" / STAGE / "wish").unlink(missing_ok=True)
        (tmp_path / "etc").chmod(0o700)
        make_member(replace(first, store=SERVER), NOW)
        assert works(tmp_path / "etc" / "node.toml")


def broken_off(new: NewMember) -> None:
    """Ask for it with a configuration in a directory that is not safe, as if killed there.

    All is where it was before its first move.
    """
    assert new.config is not None
    new.config.parent.mkdir()
    new.config.parent.chmod(0o777)
    with pytest.raises(KeysError):
        make_member(new, NOW)
    assert (new.directory / STAGE / COMPLETE).exists()
    for name in MADE - {"node.toml"}:
        (new.directory / name).rename(new.directory / STAGE / name)


def works(place: Path) -> bool:
    """Whether the configuration at `place` leads to keys and a database that open."""
    config = load(place)
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    assert config.store.url is None
    open_reader(config.store.path, keys.database_key).close()
    return True


@pytest.mark.parametrize(
    "change",
    [
        {"member": "GB_IWF"},
        {"member": "a--b"},
        {"member": ""},
        {"network": "demo"},
        {"network": "demo-0123456789ABCDEF"},
        {"jurisdictions": ("UK",)},
        {"jurisdictions": ("XX",)},
        {"jurisdictions": ()},
        {"name": "  "},
        {"name": "two\nlines"},
        {"endpoint": "http://node.example:8441"},
        {"endpoint": "https://node.example"},
        {"peer_port": 0},
        {"peer_host": "localhost"},
        {"unlock": "my secret"},
    ],
)
def test_wrong_wish_touches_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    """Every field is checked before the first file is made."""
    with pytest.raises((ConfigError, SetupError, RefusedError)):
        make_member(wish(tmp_path, **change), NOW)
    assert list(tmp_path.iterdir()) == []
