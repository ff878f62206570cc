"""What a node goes on with: the umbrella away, member keys replaced, itself started anew."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tuf.api.metadata import Snapshot

from keys.registry import TIMESTAMP_NAME, metadata_name
from keys.signing import SigningKey
from node.registry import build, memory, repository
from node.registry.errors import (
    RepositoryStateError,
)
from node.registry.source import Alarm, Freshness
from node.registry.trust import KEY_WAIT_MS
from node.registry.updater import RegistryClient
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    make_document,
    member_files,
    member_keys,
)
from tests.node.registry.nodes import EOKM, IWF, LATER, Node, moved

if TYPE_CHECKING:
    from collections.abc import Callable


def with_new_key(umbrella: Umbrella, *, agreed: bool, now_ms: int = LATER) -> Umbrella:
    """The network after its keepers gave EOKM another member key and other keys."""
    new = SigningKey.generate(hybrid=False)
    old = member_keys(EOKM).member
    assert old is not None
    document = make_document(
        umbrella.registry.network_id, EOKM, sequence=2, endpoint="https://new.example:1"
    )
    files = member_files(document, 2, now_ms, new)
    if agreed:
        name = metadata_name(EOKM, 2)
        files[name] = build.sign_file(files[name], [old])
    keys = {**umbrella.registry.member_keys, EOKM: new.public.ed25519}
    network = umbrella.registry.network
    return umbrella.accept(
        repository.propose_targets(umbrella.state, network, keys, now_ms, files), now_ms
    )


class TestAbsentUmbrella:
    """G8: no centre at run time."""

    def test_an_expired_registry_keeps_traffic_going(self, node: Node) -> None:
        """Members, keys and responsibilities stay in force; the state says how old they are."""
        node.sees(None)
        late = NOW_MS + 400 * DAY_MS
        state = node.client.refresh_blocking(late)
        assert (state.freshness, state.problem) == (Freshness.EXPIRED, "unreachable")
        assert node.client.current().is_active(EOKM)
        assert node.client.current().network.responsible_for("NL") == EOKM

    def test_g11_a_member_that_publishes_no_address_keeps_nobody_from_another_mirror(
        self, umbrella: Umbrella, node: Node
    ) -> None:
        """Each refresh ended at its turn, and with it what follows in the loop."""
        document = make_document(
            umbrella.registry.network_id, EOKM, sequence=2, endpoint="https://[f:::f]:443"
        )
        joined = umbrella.accept(member_files(document, 2, LATER), LATER)
        node.sees(joined.files)
        node.client.refresh_blocking(LATER)
        node.sees(None)
        state = node.client.refresh_blocking(LATER + 4 * DAY_MS)
        assert state.problem == "unreachable"
        assert node.client.hear_revocations() == 0

    def test_a_restart_while_the_umbrella_is_away(self, node: Node, umbrella: Umbrella) -> None:
        """From the memory alone, however old."""
        node.sees(None)
        node.restart()
        assert node.client.current().seen == umbrella.registry.seen
        assert node.client.state(NOW_MS + 400 * DAY_MS).freshness is Freshness.EXPIRED

    def test_when_it_comes_back_all_is_fresh_again(self, node: Node, umbrella: Umbrella) -> None:
        """Nothing sticks."""
        late = NOW_MS + 20 * DAY_MS
        node.sees(None)
        node.client.refresh_blocking(late)
        node.sees(umbrella.accept({}, late).files)
        assert node.client.refresh_blocking(late).freshness is Freshness.FRESH

    def test_a_node_mirrors_what_it_verified(self, node: Node, umbrella: Umbrella) -> None:
        """The newest few states, so that a reader in the middle of one can finish."""
        newer = moved(umbrella)
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        assert node.client.kept(TIMESTAMP_NAME) == newer.files[TIMESTAMP_NAME]
        old_snapshot = metadata_name(Snapshot.type, umbrella.state.snapshot().version)
        assert node.client.kept(old_snapshot) == umbrella.files[old_snapshot]
        assert node.client.kept("metadata/none.json") is None
        node.restart()
        assert node.client.kept(TIMESTAMP_NAME) == newer.files[TIMESTAMP_NAME]


class TestReplacedMemberKeys:
    """What the keepers of the network could do to a member, and how long nobody believes it."""

    def test_the_keepers_alone_cannot_swap_a_members_keys(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """Seven days of alarm, in which everything is sealed to the keys known before."""
        before = node.client.current().members[EOKM]
        node.sees(with_new_key(umbrella, agreed=False).files)
        state = node.client.refresh_blocking(LATER)
        assert state.alarms == (Alarm(EOKM, "member_key_replaced", LATER + KEY_WAIT_MS),)
        assert node.client.current().members[EOKM] == before
        node.restart()
        assert node.client.current().members[EOKM] == before
        assert node.client.state(LATER).alarms == state.alarms

    def test_after_seven_days_of_alarm_it_is_believed(self, node: Node, umbrella: Umbrella) -> None:
        """A hotline that lost its member key comes back."""
        changed = with_new_key(umbrella, agreed=False)
        node.sees(changed.files)
        node.client.refresh_blocking(LATER)
        for days in range(1, 7):
            now_ms = LATER + days * DAY_MS
            changed = changed.accept({}, now_ms)
            node.sees(changed.files)
            assert node.client.refresh_blocking(now_ms).alarms
        now_ms = LATER + KEY_WAIT_MS
        node.sees(changed.accept({}, now_ms).files)
        assert not node.client.refresh_blocking(now_ms).alarms
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_the_days_count_from_the_first_sight_of_this_very_key(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """A second replacement begins a second week."""
        node.sees(with_new_key(umbrella, agreed=False).files)
        node.client.refresh_blocking(LATER)
        later = LATER + 6 * DAY_MS
        state = umbrella.accept({}, LATER + 1).accept({}, LATER + 2)
        node.sees(with_new_key(state, agreed=False, now_ms=later).files)
        alarms = node.client.refresh_blocking(later).alarms
        assert alarms == (Alarm(EOKM, "member_key_replaced", later + KEY_WAIT_MS),)

    def test_with_the_old_keys_signature_it_is_believed_at_once(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """The member replaced it itself."""
        node.sees(with_new_key(umbrella, agreed=True).files)
        assert not node.client.refresh_blocking(LATER).alarms
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_a_suspension_counts_at_once_whatever_is_held_back(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """What only reduces trust needs no patience."""
        changed = with_new_key(umbrella, agreed=False)
        network = changed.registry.network
        suspended = dataclasses.replace(network.members[EOKM], status="suspended")
        network = dataclasses.replace(network, members={**network.members, EOKM: suspended})
        node.sees(changed.govern(network, LATER).files)
        node.client.refresh_blocking(LATER)
        assert not node.client.current().is_active(EOKM)


class TestMemory:
    """The file in which a node remembers."""

    def test_it_is_verified_again_when_read(self, node: Node) -> None:
        """A changed byte of a signed file is noticed at the start."""
        path = node.directory / memory.FILE_NAME
        path.write_bytes(path.read_bytes().replace(b"consistent_snapshot", b"consistent_snapshut"))
        with pytest.raises(RepositoryStateError, match="join again"):
            node.restart()

    @pytest.mark.parametrize(
        "damage",
        [lambda _: b"", lambda raw: raw[:-9], lambda raw: b"\x00" + raw, lambda raw: raw * 2],
    )
    def test_a_damaged_one_is_an_error_with_a_mend(
        self, node: Node, damage: Callable[[bytes], bytes]
    ) -> None:
        """Never a fresh start, which would forget what a rollback is."""
        path = node.directory / memory.FILE_NAME
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(RepositoryStateError, match="move it away"):
            node.restart()

    def test_that_of_another_network_is_refused(self, node: Node) -> None:
        """Two nodes, one directory."""
        with pytest.raises(RepositoryStateError, match="another network"):
            RegistryClient(b"\0" * 32, node.directory, [UMBRELLA], transport=node.mirrors)

    def test_that_of_another_version_of_the_program_is_refused(self, node: Node) -> None:
        """It says so, instead of guessing."""
        path = node.directory / memory.FILE_NAME
        content = msgspec.msgpack.decode(path.read_bytes())
        path.write_bytes(msgspec.msgpack.encode({**content, "format": 2}))
        with pytest.raises(RepositoryStateError, match="another version"):
            node.restart()

    def test_one_that_cannot_be_read_is_an_error(self, node: Node) -> None:
        """A directory in its place, say."""
        path = node.directory / memory.FILE_NAME
        path.unlink()
        path.mkdir()
        with pytest.raises(RepositoryStateError, match="cannot be read"):
            node.restart()

    def test_news_that_cannot_be_remembered_are_not_taken(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """What is in force and what a restart would find are the same."""
        path = node.directory / memory.FILE_NAME
        path.unlink()
        path.mkdir()
        node.sees(moved(umbrella).files)
        assert node.client.refresh_blocking(LATER).problem == "not_saved"
        assert node.client.current().seen == umbrella.registry.seen

    def test_it_is_not_written_when_nothing_is_new(self, node: Node) -> None:
        """A refresh each few minutes wears out no disk."""
        path = node.directory / memory.FILE_NAME
        before = path.stat().st_ino
        node.client.refresh_blocking(LATER)
        assert path.stat().st_ino == before

    def test_g1_attack_a_mirror_is_behind_while_another_process_saves_what_is_newer(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """A verb beside the node does not put the older one back for the next start."""
        older = moved(umbrella)
        newer = moved(older, IWF, LATER + 1)

        class Behind(dict[str, bytes]):
            def get(self, path: str, default: object = None, /) -> Any:
                node.sees(newer.files)
                node.client.refresh_blocking(LATER + 1)
                return super().get(path, default)

        mirrors = Mirrors({UMBRELLA: Behind(older.files)})
        verb = RegistryClient(node.pin, node.directory, [UMBRELLA], transport=mirrors)
        verb.refresh_blocking(LATER + 1)
        assert verb.current().seen == newer.registry.seen
        node.restart()
        assert node.client.current().seen == newer.registry.seen
