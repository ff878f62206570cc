"""`hotline keys rotate` as it is typed, what is published by it, and what lies on disk after it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import MemberKeys
from keys.succession import id_of, listed_ids
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.keys import rotate
from node.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    from keys.member import MemberDocument
    from keys.succession import Rotated
    from tests.builders.umbrella import World

US = "gb-iwf"


@pytest.fixture
async def here(world: World, member_of: Any) -> Any:
    """Give the terminal of a member that has joined."""
    here = member_of(world)
    await here("join", "--root", world.fingerprint, "--mirror", world.mirror)
    return here


def published(world: World) -> MemberDocument:
    """The member's document as the umbrella has it."""
    return world.directory.open().registry.member(US)


def on_disk(here: Any, purpose: Rotated) -> str:
    """The id of the key that the node would start with."""
    section = here.config.member
    keys = MemberKeys.load(section.keys_dir, Unlock.from_config(section.unlock))
    return id_of(getattr(keys, purpose))


async def standings(here: Any, purpose: Rotated) -> list[str]:
    """What `keys status` says of the keys of one purpose."""
    _, shown = await here("keys", "status")
    return [key["standing"] for key in shown["keys"] if key["purpose"] == purpose]


@pytest.mark.parametrize("after_h", [0, 24])
async def test_g7_nobody_reads_that_a_replaced_key_counts_no_more(here: Any, after_h: int) -> None:
    """Who rotates on the day of a theft, and did not revoke, is told what is believed still."""
    shown = await asyncio.to_thread(rotate, here.config.source, "log", after_h, None)
    assert (
        f"if somebody else may have it: hotline keys revoke {shown.data['replaces']}" in shown.text
    )


async def test_g7_a_successor_is_published_before_it_is_used(world: World, here: Any) -> None:
    """A day unless told otherwise; a second one has to wait; other publications keep both."""
    (old,) = listed_ids(published(world), "log")
    code, shown = await here("keys", "rotate", "log")
    assert (code, shown["replaces"]) == (Exit.OK, old)
    assert listed_ids(published(world), "log") == [old, shown["key_id"]]
    assert await standings(here, "log") == ["in use", "next"]
    assert on_disk(here, "log") == old
    code, refused = await here("keys", "rotate", "log")
    assert (code, refused["error"]["code"]) == (Exit.REFUSED, "rotation_running")
    code, _ = await here("publish")
    assert code == Exit.OK
    assert listed_ids(published(world), "log") == [old, shown["key_id"]]
    assert published(world).turn(shown["key_id"]).from_ms == shown["from_ms"]


async def test_g7_a_key_is_rotated_at_once_if_told_so(world: World, here: Any) -> None:
    """What was replaced is gone from the disk, and listed as retired."""
    purposes: tuple[Rotated, ...] = ("transport", "tls", "witness")
    for purpose in purposes:
        old = on_disk(here, purpose)
        code, shown = await here("keys", "rotate", purpose, "--after-h", 0)
        assert (code, on_disk(here, purpose)) == (Exit.OK, shown["key_id"])
        assert await standings(here, purpose) == ["retired", "in use"]
        assert published(world).turn(old).until_ms == shown["until_ms"]


async def test_an_unknown_purpose_is_refused(typed: Any) -> None:
    """The message says how sealing keys are rotated."""
    code, shown = await typed("keys", "rotate", "sealing")
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    assert "publish --rotate" in shown["error"]["message"]


async def test_an_attempt_without_the_member_key_goes_on_later(world: World, here: Any) -> None:
    """Nothing is published; the successor that was made is the one that is published then."""
    member_key = here.config.member.keys_dir / "member.key"
    away = member_key.rename(member_key.with_suffix(".away"))
    code, shown = await here("keys", "rotate", "receipt")
    assert (code, shown["error"]["code"]) == (Exit.KEYS, "unknown_key")
    assert published(world).turns == {}
    made = (here.config.member.keys_dir / "receipt.next.key").read_bytes()
    away.rename(member_key)
    code, _ = await here("keys", "rotate", "receipt")
    assert code == Exit.OK
    assert (here.config.member.keys_dir / "receipt.next.key").read_bytes() == made


async def test_g7_a_revoked_key_and_a_revoked_successor_are_replaced(
    world: World, here: Any
) -> None:
    """Whichever of them is known to a thief; the last one made is used at once."""
    first = on_disk(here, "log")
    _, second = await here("keys", "rotate", "log")
    for stolen in (second["key_id"], first):
        code, _ = await here("keys", "revoke", stolen)
        assert code == Exit.OK
    code, third = await here("keys", "rotate", "log", "--after-h", 0)
    assert code == Exit.OK
    assert on_disk(here, "log") == third["key_id"]
    assert await standings(here, "log") == ["revoked", "revoked", "in use"]
    assert listed_ids(published(world), "log") == [first, second["key_id"], third["key_id"]]


async def test_g7_a_key_is_stolen_while_its_planned_successor_is_published(
    world: World, here: Any
) -> None:
    """Both lay in one directory: who revoked the key in use is told to revoke the other."""
    first = on_disk(here, "log")
    _, second = await here("keys", "rotate", "log")
    await here("keys", "revoke", first, "--compromised-at", "2026-11-01T08:00")
    code, refused = await here("keys", "rotate", "log", "--after-h", 0)
    assert (code, refused["error"]["code"]) == (Exit.REFUSED, "rotation_running")
    named = re.search(r"hotline keys revoke (\w+)", refused["error"]["message"])
    assert named is not None
    assert named[1] == second["key_id"]
    await here("keys", "revoke", named[1])
    code, third = await here("keys", "rotate", "log", "--after-h", 0)
    assert (code, on_disk(here, "log")) == (Exit.OK, third["key_id"])
    assert await standings(here, "log") == ["revoked", "revoked", "in use"]
    assert published(world).turn(first).compromised_ms == 1_793_520_000_000


async def test_a_successor_of_no_key_says_nothing_of_one(
    here: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a revocation nothing is in use that could retire."""
    await here("keys", "revoke", on_disk(here, "log"))
    typed = ["keys", "rotate", "log", "--after-h", "0", "-c", str(here.config.source)]
    assert await asyncio.to_thread(run, typed) == Exit.OK
    said = capsys.readouterr().out
    assert "is published" in said
    assert "None" not in said


class TestRestoredWitness:
    """§8.12.9 as it is typed: a restored node cosigns again under another key."""

    async def restored(self, here: Any, tmp_path: Path) -> None:
        """Bring back a backup."""
        code, _ = await here("backup", tmp_path / "saved")
        assert code == Exit.OK
        for ending in ("", "-wal", "-shm"):
            path = here.config.store.path
            path.with_name(path.name + ending).unlink(missing_ok=True)
        code, _ = await here("restore", tmp_path / "saved")
        assert code == Exit.OK

    async def codes(self, here: Any) -> set[str]:
        """What the doctor finds."""
        _, shown = await here("doctor")
        return {one["code"] for one in shown["findings"]}

    async def test_a_person_says_that_what_was_forgotten_counts_no_more(
        self, world: World, here: Any, tmp_path: Path
    ) -> None:
        """Nothing is published before; then the key of before is ended, and the doctor content."""
        old = on_disk(here, "witness")
        await self.restored(here, tmp_path)
        assert "witness_forgot" in await self.codes(here)
        code, refused = await here("keys", "rotate", "witness")
        assert (code, refused["error"]["code"]) == (Exit.REFUSED, "witness_forgot")
        assert "--after-restore" in refused["error"]["message"]
        assert published(world).turns == {}
        code, shown = await here("keys", "rotate", "witness", "--after-restore")
        assert (code, shown["until_ms"]) == (Exit.OK, 0), "it remembers no cosignature"
        assert published(world).turn(old).until_ms == 0
        assert on_disk(here, "witness") == shown["key_id"]
        assert await standings(here, "witness") == ["retired", "in use"]
        assert "witness_forgot" not in await self.codes(here)

    async def test_other_keys_are_rotated_as_ever(self, here: Any, tmp_path: Path) -> None:
        """They forget nothing."""
        await self.restored(here, tmp_path)
        code, _ = await here("keys", "rotate", "log")
        assert code == Exit.OK
        code, shown = await here("keys", "rotate", "receipt", "--after-restore")
        assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")

    async def test_disk_that_was_set_back_by_others_forgets_too(self, here: Any) -> None:
        """A person said so; without the time of the snapshot nothing is remembered for sure."""
        code, _ = await here("restored", "--snapshot", "2026-11-20T08:00")
        assert code == Exit.OK
        assert "witness_forgot" in await self.codes(here)
        code, shown = await here("keys", "rotate", "witness", "--after-restore")
        assert (code, shown["until_ms"]) == (Exit.OK, 0)
