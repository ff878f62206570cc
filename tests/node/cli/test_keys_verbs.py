"""`hotline keys revoke` as it is typed, and what `hotline keys status` says after it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from keys.succession import EVIDENCE, listed_ids
from node.cli.exits import Exit
from node.cli.main import run
from node.config.edit import change_file
from node.registry import admit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.umbrella import World

US = "gb-iwf"


async def _joined(world: World, member_of: Any) -> Any:
    typed = member_of(world)
    await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    return typed


async def _ids(typed: Any, purpose: str) -> list[str]:
    _, shown = await typed("keys", "status")
    return [key["key_id"] for key in shown["keys"] if key["purpose"] == purpose]


async def test_revoking_tells_the_umbrella_and_is_shown(world: World, member_of: Any) -> None:
    """The umbrella takes the note and hands it to whoever asks."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")
    code, shown = await typed("keys", "revoke", log)
    assert (code, shown["purpose"], shown["told"]) == (Exit.OK, "log", 1)
    assert world.server.revocations.revoked() == {US: {log}}
    _, after = await typed("keys", "status")
    assert [key["key_id"] for key in after["keys"] if key["standing"] == "revoked"] == [log]


async def test_a_key_that_signs_nothing_needs_the_member_key(world: World, member_of: Any) -> None:
    """The message says what to bring."""
    typed = await _joined(world, member_of)
    (tls,) = await _ids(typed, "tls")
    member_key = typed.config.member.keys_dir / "member.key"
    away = member_key.rename(member_key.with_suffix(".away"))
    code, shown = await typed("keys", "revoke", tls)
    assert (code, shown["error"]["code"]) == (Exit.KEYS, "unknown_key")
    away.rename(member_key)
    code, shown = await typed("keys", "revoke", tls)
    assert (code, shown["purpose"]) == (Exit.OK, "tls")


async def test_g7_the_private_part_of_a_revoked_sealing_key_is_destroyed(
    world: World, member_of: Any
) -> None:
    """Whoever takes the machine later opens nothing with it; other keys keep theirs."""
    typed = await _joined(world, member_of)
    stolen, *others = await _ids(typed, "sealing")
    (log,) = await _ids(typed, "log")
    keys_dir = typed.config.member.keys_dir
    code, shown = await typed("keys", "revoke", stolen)
    assert (code, shown["destroyed"]) == (Exit.OK, True)
    assert not (keys_dir / f"sealing-{stolen}.key").exists()
    assert all((keys_dir / f"sealing-{other}.key").exists() for other in others)
    code, shown = await typed("keys", "revoke", log)
    assert (code, shown["destroyed"], (keys_dir / "log.key").exists()) == (Exit.OK, False, True)


async def test_doctor_names_own_keys_that_are_revoked_and_in_use(
    world: World, member_of: Any
) -> None:
    """Each with the command that ends it, until that was done."""
    typed = await _joined(world, member_of)
    revoked = [(await _ids(typed, purpose))[0] for purpose in ("log", "sealing")]
    for key_id in revoked:
        await typed("keys", "revoke", key_id)

    async def named() -> list[str]:
        _, shown = await typed("doctor")
        found = [one for one in shown["findings"] if one["code"] == "key_revoked"]
        return [one["what"].split()[3] for one in found]

    assert await named() == revoked
    await typed("keys", "rotate", "log", "--after-h", 0)
    assert await named() == []


async def test_doctor_names_a_key_that_serves_and_is_not_here(
    world: World, member_of: Any, tmp_path: Path
) -> None:
    """A key backup from before a rotation: all goes well until the turn of the old key is over."""
    typed = await _joined(world, member_of)
    keys_dir = typed.config.member.keys_dir
    before = tmp_path / "backup"
    shutil.copytree(keys_dir, before)

    async def named() -> list[str]:
        _, shown = await typed("doctor")
        return [one["mend"] for one in shown["findings"] if one["code"] == "key_not_here"]

    await typed("keys", "rotate", "receipt", "--after-h", 0)
    assert await named() == []
    shutil.rmtree(keys_dir)
    shutil.copytree(before, keys_dir)
    (mend,) = await named()
    assert "hotline keys rotate receipt --after-h 0" in mend
    await typed("keys", "rotate", "receipt", "--after-h", 0)
    assert await named() == []


async def test_an_unknown_key_id_revokes_nothing(world: World, member_of: Any) -> None:
    """A typing error must not look like a revocation."""
    typed = await _joined(world, member_of)
    code, shown = await typed("keys", "revoke", "0" * 16)
    assert (code, shown["error"]["code"]) == (Exit.KEYS, "unknown_key")
    assert world.server.revocations.revoked() == {}


async def test_g7_a_revoked_sealing_key_is_replaced_and_never_published_again(
    world: World, member_of: Any
) -> None:
    """As the page for that day says: revoke, then publish; now and at every later publication."""
    typed = await _joined(world, member_of)
    stolen, *others = await _ids(typed, "sealing")
    code, _ = await typed("keys", "revoke", stolen)
    assert code == Exit.OK
    for _ in range(2):
        code, shown = await typed("publish", "--rotate")
        assert code == Exit.OK
        registry = world.directory.open().registry
        published = {one.key.key_id for one in registry.member(US).sealing}
        assert stolen not in published
        assert len(published) == len(others) + 1
        assert published > set(others)
        assert shown["sealing_key_id"] in published


@pytest.mark.parametrize("when", ["0001-01-01T00:00", "1969-12-31T23:59", "9999-12-31T23:59"])
async def test_g7_a_time_that_no_document_can_hold_revokes_nothing(
    world: World, member_of: Any, when: str
) -> None:
    """A note cannot be taken back: the time is looked at before there is one."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")
    code, shown = await typed("keys", "revoke", log, "--compromised-at", when)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    assert world.server.revocations.revoked() == {}


async def test_g7_who_cannot_sign_since_when_revokes_nothing_with_a_time(
    world: World, member_of: Any
) -> None:
    """Without a time the key revokes itself, and the time is said later."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")
    member_key = typed.config.member.keys_dir / "member.key"
    away = member_key.rename(member_key.with_suffix(".away"))
    stolen = ("keys", "revoke", log, "--compromised-at", "2026-11-01T08:00")
    code, shown = await typed(*stolen)
    assert (code, shown["error"]["code"]) == (Exit.KEYS, "unknown_key")
    assert world.server.revocations.revoked() == {}
    assert (await typed("keys", "revoke", log))[0] == Exit.OK
    away.rename(member_key)
    assert (await typed(*stolen))[0] == Exit.OK
    document = world.directory.open().registry.member(US)
    assert document.turn(log).compromised_ms == 1_793_520_000_000


async def test_g7_a_later_time_of_a_theft_is_published_only_if_that_is_said(
    world: World, member_of: Any
) -> None:
    """What was signed between the two would count again; an earlier one takes more away."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")

    async def stolen(*words: str) -> tuple[int, int | None]:
        code, _ = await typed("keys", "revoke", log, "--compromised-at", *words)
        return code, world.directory.open().registry.member(US).turn(log).compromised_ms

    first, second = 1_793_520_000_000, 1_793_606_400_000
    assert await stolen("2026-11-02T08:00") == (Exit.OK, second)
    assert await stolen("2026-11-01T08:00") == (Exit.OK, first)
    assert await stolen("2026-11-01T08:00") == (Exit.OK, first)
    code, shown = await typed("keys", "revoke", log, "--compromised-at", "2026-11-02T08:00")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "theft_stated")
    assert "2026-11-01T08:00" in shown["error"]["message"]
    assert await stolen("2026-11-02T08:00", "--later") == (Exit.OK, second)


async def test_later_without_a_time_is_typed_wrongly(typed: Any) -> None:
    """It says something about a time."""
    code, shown = await typed("keys", "revoke", "00" * 8, "--later")
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")


async def test_g7_a_time_that_cannot_be_published_yet_is_told_beside_the_revocation(
    world: World, member_of: Any
) -> None:
    """Whoever reads only that no umbrella answers does not know that the key is revoked."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")
    change_file(typed.config.source, "registry", {"mirrors": ["http://127.0.0.1:9"]})
    stolen = ("keys", "revoke", log, "--compromised-at", "2026-11-01T08:00")
    code, shown = await typed(*stolen)
    assert (code, shown["key_id"], shown["compromised_ms"]) == (Exit.PROBLEM, log, None)
    assert "mirrors" in shown["message"]
    change_file(typed.config.source, "registry", {"mirrors": [world.mirror]})
    code, shown = await typed(*stolen)
    assert (code, shown["compromised_ms"]) == (Exit.OK, 1_793_520_000_000)


async def test_g7_a_suspended_member_revokes_without_a_time_or_not_at_all(
    world: World, member_of: Any
) -> None:
    """The umbrella would take no time from it, when the note is out already."""
    typed = await _joined(world, member_of)
    (log,) = await _ids(typed, "log")
    keepers, now_ms = world.keepers, world.clock[0]
    admit.set_status(world.directory, US, active=False, keepers=keepers, now_ms=now_ms)
    code, shown = await typed("publish")  # looks at the registry first
    assert "is suspended" in shown["error"]["message"]
    code, shown = await typed("keys", "revoke", log, "--compromised-at", "2026-11-01T08:00")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "publication_refused")
    assert world.server.revocations.revoked() == {}
    assert (await typed("keys", "revoke", log))[0] == Exit.OK


async def test_g7_lost_keys_are_replaced_by_what_init_makes(
    world: World, member_of: Any, tmp_path: Path
) -> None:
    """The umbrella's refusal names the numbers with which the request fits; then it is taken."""
    typed = await _joined(world, member_of)
    assert (await typed("publish"))[0] == Exit.OK
    net = ("--config", world.directory.path / "network.toml", "--json")
    member = ("--member", US, "--network", world.network_id, "--jurisdiction", "GB")

    def requested(name: str, *more: str) -> list[str]:
        made = tmp_path / name
        assert run([*map(str, ("init", "--dir", made, *member)), *more, "--json"]) == Exit.OK
        words = ("network", "admit", made / "admission.json", "--replace-key", *net)
        return [*map(str, words)]

    typed.capsys.readouterr()
    assert run(requested("first")) == Exit.REFUSED
    refused = typed.capsys.readouterr().out.splitlines()[-1]
    said = re.search(r"(--sequence \d+ --role-version \d+) --before (\S+\.json)", refused)
    assert said is not None
    before = world.directory.open().registry
    assert run(requested("second", *said[1].split())) == Exit.REFUSED
    assert "leaves out a key" in typed.capsys.readouterr().out
    (there,) = world.directory.path.rglob(said[2])
    assert run(requested("third", *said[1].split(), "--before", str(there))) == Exit.OK
    after = world.directory.open().registry
    assert after.member_keys[US] != before.member_keys[US]
    for purpose in EVIDENCE:
        lost = listed_ids(before.member(US), purpose)
        assert set(lost) < set(listed_ids(after.member(US), purpose))
        assert all(after.member(US).turn(key_id).until_ms is not None for key_id in lost)


async def test_g7_lost_keys_are_left_out_where_the_umbrella_says_so(
    world: World, member_of: Any, tmp_path: Path
) -> None:
    """Their document may be lost, too; and it may be no other's, nor of another time."""
    typed = await _joined(world, member_of)
    assert (await typed("publish"))[0] == Exit.OK
    registry = world.directory.open().registry
    document, version = registry.member(US), world.directory.open().role(US)[0]
    old = tmp_path / "old.json"
    old.write_bytes(replace(document, sequence=document.sequence + 1).to_bytes())
    member = ("--member", US, "--network", world.network_id, "--jurisdiction", "GB")
    numbers = ("--sequence", document.sequence + 1, "--role-version", version + 1)
    make = [*map(str, ("init", "--dir", tmp_path / "made", *member, *numbers)), "--json"]
    for wrong in (old, tmp_path / "none.json"):
        assert run([*make, "--before", str(wrong)]) != Exit.OK
    assert not (tmp_path / "made").exists()
    assert run(make) == Exit.OK
    config = ("--config", world.directory.path / "network.toml", "--json")
    request = tmp_path / "made" / "admission.json"
    words = ("network", "admit", request, "--replace-key", "--without-old-keys", *config)
    assert run([*map(str, words)]) == Exit.OK
    assert not set(listed_ids(document, "log")) & set(
        listed_ids(world.directory.open().registry.member(US), "log")
    )
