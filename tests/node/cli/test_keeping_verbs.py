"""`join`, `publish`, `backup`, `restore`, `verify`, `evidence`, `doctor` as they are typed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.setup.joining import joined as joined_client
from node.store.connection import open_writer
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.vocabulary import Lane
from tests.node.evidence import contradicted, forked

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config
    from tests.builders.umbrella import World

    Typed = Any


US = "gb-iwf"


def names(directory: Path) -> set[str]:
    """Name all that stands in a directory."""
    return {path.name for path in directory.iterdir()}


def split_history(typed: Typed) -> None:
    """Put a proof into the node's database: the member of these tests signed two histories."""
    config = typed.config
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    client = joined_client(config)
    assert client is not None
    origin = Channel(client.current().network_id, US, "nl-eokm", Lane.REPORTS).origin(bytes(8))
    notes = [sign_checkpoint(Checkpoint(origin, 3, bytes([n]) * 32), keys.log) for n in (1, 2)]
    connection = open_writer(config.store.path, keys.database_key)
    connection.execute(
        "INSERT INTO forks (peer, smaller_note, larger_note, nodes, found_ms)"
        " VALUES (?, ?, ?, x'', 0)",
        (US, *notes),
    )
    connection.close()


async def codes(typed: Typed) -> set[str]:
    """Name what the doctor finds."""
    _, shown = await typed("doctor")
    return {finding["code"] for finding in shown["findings"]}


def days_ago(config: Config, days: int) -> None:
    """Let the last backup be as old."""
    at_ms = time.time_ns() // 1_000_000 - days * 24 * 3_600_000
    (config.member.data_dir / "last-backup").write_text(f"{at_ms}\n")


async def test_join_names_network_and_standing(world: World, member_of: Any) -> None:
    """What a person wants to see after joining."""
    typed = member_of(world)
    code, shown = await typed("join", "--root", world.fingerprint, "--mirror", world.mirror)
    assert code == Exit.OK
    assert (shown["status"], shown["members"]) == ("active", 1)
    assert shown["network"].startswith("demo-")


async def test_wrong_fingerprint_has_a_code_of_its_own(world: World, member_of: Any) -> None:
    """Somebody may stand between: this must not look like a network problem."""
    typed = member_of(world)
    code, shown = await typed("join", "--root", "ab" * 32, "--mirror", world.mirror)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "registry_wrong_fingerprint")


async def test_unreachable_mirror_is_unreachable(world: World, member_of: Any) -> None:
    """A retry may help; the exit code tells it from a refusal."""
    typed = member_of(world)
    words = ("--root", world.fingerprint, "--mirror", "http://127.0.0.1:9")
    code, shown = await typed("join", *words)
    assert (code, shown["error"]["code"]) == (Exit.UNREACHABLE, "registry_unreachable")


async def test_rotation_is_published(joined: Typed) -> None:
    """One command, and what to do next."""
    code, shown = await joined("publish", "--rotate")
    assert (code, shown["sequence"]) == (Exit.OK, 2)


async def test_keys_are_shown_with_their_standing(joined: Typed) -> None:
    """The member key lies beside them after `init`: that is worth an exit code."""
    code, shown = await joined("keys", "status")
    standings = {row["purpose"]: row["standing"] for row in shown["keys"]}
    assert (code, standings["member"], standings["log"]) == (Exit.PROBLEM, "online", "in use")


async def test_backup_and_restore_as_typed(joined: Typed, tmp_path: Path) -> None:
    """Away with the database, back from the copy."""
    code, made = await joined("backup", tmp_path / "copy")
    assert code == Exit.OK
    joined.config.store.path.unlink()
    code, shown = await joined("restore", tmp_path / "copy", "--key", made["key"])
    assert (code, shown["database"]) == (Exit.OK, str(joined.config.store.path))
    _, shown = await joined("doctor")
    assert "restored" in {finding["code"] for finding in shown["findings"]}


async def test_restore_over_a_database_is_refused(joined: Typed, tmp_path: Path) -> None:
    """The one that stands is moved away by a person, or not at all."""
    await joined("backup", tmp_path / "copy")
    code, shown = await joined("restore", tmp_path / "copy")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")


async def test_verify_says_that_nothing_is_witnessed_yet(joined: Typed) -> None:
    """An empty node verifies, and does not claim more."""
    code, shown = await joined("verify")
    assert (code, shown["holds"], shown["witnessed"]) == (Exit.OK, True, False)


async def test_status_tells_of_the_ledger(joined: Typed) -> None:
    """A new node has none yet, and nobody to witness it."""
    _, shown = await joined("status")
    assert shown["ledger"]["signed_ms"] is None
    assert (shown["ledger"]["witnesses"], shown["ledger"]["not_witnessed_for"]) == ([], [])


async def test_verify_calls_a_damaged_database_damaged(joined: Typed) -> None:
    """Whoever suspects his disk types this first: it is no fault of the program."""
    file = joined.config.store.path
    raw = bytearray(file.read_bytes())
    raw[-8192:] = bytes(8192)
    file.write_bytes(raw)
    code, shown = await joined("verify")
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_damaged")


async def test_verify_needs_a_registry(typed: Typed) -> None:
    """Without it there are no keys to verify by."""
    code, shown = await typed("verify")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "registry_none")


async def test_evidence_of_nothing_is_refused(joined: Typed, tmp_path: Path) -> None:
    """No empty bundle is written."""
    item = "gb-iwf.01ARZ3NDEKTSV4RRFFQ69G5FAV"
    code, shown = await joined("evidence", "export", item, "--output", tmp_path / "bundle")
    assert code == Exit.REFUSED
    assert "bundle" not in names(tmp_path)
    assert "error" in shown


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\xff" * 9, b'{"type": "hx1-evidence"}'])
async def test_garbage_is_no_evidence(joined: Typed, tmp_path: Path, raw: bytes) -> None:
    """A finding, with the step at which it failed."""
    path = tmp_path / "bundle"
    path.write_bytes(raw)
    code, shown = await joined("evidence", "verify", path)
    assert (code, shown["holds"], shown["step"]) == (Exit.PROBLEM, False, "1")


async def test_no_fork_is_listed_where_there_is_none(joined: Typed) -> None:
    """Nobody is accused by default."""
    assert await joined("evidence", "forks") == (Exit.OK, {"forks": []})


async def test_fork_that_was_kept_is_listed_written_and_verified(
    joined: Typed, tmp_path: Path
) -> None:
    """From this node to whoever knows the network's fingerprint."""
    split_history(joined)
    code, shown = await joined("evidence", "forks")
    assert (code, shown["forks"][0]["accused"]) == (Exit.OK, US)
    path = tmp_path / "fork.json"
    code, _ = await joined("evidence", "fork", 1, "--output", path)
    assert code == Exit.OK
    code, shown = await joined("evidence", "verify", path)
    assert (code, shown["accused"], shown["sizes"]) == (Exit.OK, US, [3, 3])


async def test_fork_that_is_not_there_is_refused(joined: Typed) -> None:
    """With the verb that lists them."""
    code, shown = await joined("evidence", "fork", 7)
    assert code != Exit.OK
    assert shown["error"]["code"] == "fork_unknown"


async def test_no_contradiction_is_listed_where_there_is_none(joined: Typed) -> None:
    """Nobody is accused by default."""
    assert await joined("evidence", "contradictions") == (Exit.OK, {"contradictions": []})


async def test_contradiction_that_is_not_there_is_refused(joined: Typed) -> None:
    """With its code."""
    code, shown = await joined("evidence", "contradiction", 7)
    assert code != Exit.OK
    assert shown["error"]["code"] == "contradiction_unprovable"


async def test_contradiction_of_others_is_verified_and_not_answered(
    joined: Typed, tmp_path: Path
) -> None:
    """It is of another network here, and proves nothing; with that network's pin it does."""
    path = tmp_path / "contradiction.json"
    path.write_bytes(contradicted.file_of(contradicted.kept_contradiction(forked.EOKM)))
    code, shown = await joined("evidence", "answer", path)
    assert (code != Exit.OK, shown["error"]["code"]) == (True, "bundle_broken")
    code, shown = await joined("evidence", "verify", path, "--root", forked.PIN.hex())
    assert (code, shown["accused"], shown["signed_as"]) == (Exit.OK, "nl-eokm", "receiver")


async def test_evidence_is_verified_against_a_root_said_by_hand(
    typed: Typed, tmp_path: Path
) -> None:
    """A node that has joined nothing can check, if it is told whom to believe."""
    path = tmp_path / "bundle"
    path.write_bytes(b"{}")
    code, shown = await typed("evidence", "verify", path)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    code, _ = await typed("evidence", "verify", path, "--root", "ab" * 32)
    assert code == Exit.PROBLEM


async def test_missing_bundle_is_an_input_problem(joined: Typed, tmp_path: Path) -> None:
    """It is named as unreadable."""
    code, shown = await joined("evidence", "verify", tmp_path / "none")
    assert (code, shown["error"]["code"]) == (Exit.INPUT, "file_unreadable")


class TestDoctor:
    """The doctor comes when things are broken, and always finishes."""

    async def test_healthy_but_stopped_member(self, joined: Typed) -> None:
        """What is fine is said too; what is not has a mend."""
        code, shown = await joined("doctor")
        by_check = {finding["check"]: finding for finding in shown["findings"]}
        assert code == Exit.PROBLEM
        assert by_check["process"]["code"] == "not_running"
        assert by_check["registry"]["code"] == "network_of_one"
        assert by_check["database"]["severity"] == "ok"
        wrong = [finding for finding in shown["findings"] if finding["severity"] != "ok"]
        assert all(finding["mend"] for finding in wrong)

    async def test_a_backup_that_stopped_coming_is_named(
        self, joined: Typed, tmp_path: Path
    ) -> None:
        """A timer that fails says so to nobody; the next backup settles it."""
        await joined("backup", tmp_path / "monday")
        assert await codes(joined) & {"backup_old"} == set()
        days_ago(joined.config, 3)
        assert "backup_old" in await codes(joined)
        await joined("backup", tmp_path / "friday")
        assert await codes(joined) & {"backup_old"} == set()

    async def test_a_node_that_never_was_copied_is_named_once_it_has_something_to_lose(
        self, joined: Typed
    ) -> None:
        """What it learnt more than three days ago stands on one disk."""
        assert await codes(joined) & {"backup_old"} == set()
        keys = MemberKeys.load(
            joined.config.member.keys_dir, Unlock.from_config(joined.config.member.unlock)
        )
        connection = open_writer(joined.config.store.path, keys.database_key)
        connection.execute(
            "INSERT INTO events (item, kind, at_ms, learnt_ms, actor, body, leaf, chain)"
            " VALUES ('01', 1, 0, 0, '', NULL, x'', x'')"
        )
        connection.close()
        assert "backup_old" in await codes(joined)
        days_ago(joined.config, -300)  # made while the clock ran ahead
        assert "backup_old" in await codes(joined)
        days_ago(joined.config, 0)
        assert await codes(joined) & {"backup_old"} == set()

    async def test_whose_copies_others_make_is_not_warned_of_them(
        self, joined: Typed, tmp_path: Path
    ) -> None:
        """`backup_alarm_days = 0`: the machine's own snapshots, say."""
        await joined("backup", tmp_path / "monday")
        days_ago(joined.config, 300)
        text = joined.config.source.read_text()
        joined.config.source.write_text(
            text.replace("\n[store]\n", "\n[store]\nbackup_alarm_days = 0\n")
        )
        assert await codes(joined) & {"backup_old"} == set()

    async def test_loose_permissions_are_named_with_their_mend(self, joined: Typed) -> None:
        """The key file that others can read."""
        (joined.config.member.keys_dir / "log.key").chmod(0o644)
        _, shown = await joined("doctor")
        finding = next(one for one in shown["findings"] if one["check"] == "keys")
        assert (finding["severity"], finding["code"]) == ("critical", "unsafe_key_file")
        assert "chmod 600" in finding["what"] + finding["mend"]

    async def test_damaged_database_is_found(self, joined: Typed) -> None:
        """One page overwritten in the middle of the file."""
        path = joined.config.store.path
        raw = bytearray(path.read_bytes())
        middle = len(raw) // 2 // 4096 * 4096
        raw[middle : middle + 4096] = bytes(4096)
        path.write_bytes(raw)
        code, shown = await joined("doctor")
        found = {one["code"] for one in shown["findings"] if one["check"] == "database"}
        assert code == Exit.PROBLEM
        assert "store_damaged" in found

    async def test_member_that_never_joined(self, typed: Typed) -> None:
        """Every other check still runs."""
        code, shown = await typed("doctor")
        checks = {finding["check"] for finding in shown["findings"]}
        assert code == Exit.PROBLEM
        assert checks >= {"keys", "registry", "database", "clock", "data", "disk", "process"}

    async def test_damaged_registry_memory(self, joined: Typed) -> None:
        """Named, and the rest goes on."""
        (joined.config.registry.directory / "verified.msgpack").write_bytes(b"x")
        _, shown = await joined("doctor")
        finding = next(one for one in shown["findings"] if one["check"] == "registry")
        assert finding["severity"] == "critical"

    async def test_unlocking_secret_in_the_same_directory(self, joined: Typed) -> None:
        """A copy of the directory would have all."""
        text = joined.config.source.read_text()
        inside = joined.config.member.data_dir / "unlock"
        old = joined.config.member.unlock.removeprefix("file:")
        with open(old, "rb") as file:  # noqa: ASYNC230, PTH123 - a test's own file
            inside.write_bytes(file.read())
        inside.chmod(0o600)
        joined.config.source.write_text(text.replace(old, str(inside)))
        _, shown = await joined("doctor")
        assert "unlock_inside" in {finding["code"] for finding in shown["findings"]}

    async def test_nothing_shown_holds_a_secret(self, joined: Typed) -> None:
        """The report is fit for a ticket."""
        _, shown = await joined("doctor")
        token = joined.config.api.token_file.read_text().strip()
        assert token not in json.dumps(shown)
