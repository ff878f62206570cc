"""`hotline list`: files go in, come out, are taken back; killed anywhere, it goes on."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from node.cli import lists
from node.cli.exits import Exit
from node.cli.list_import import Into, take_file
from node.cli.lists import opened_store
from node.cli.output import CliError
from node.config import load
from node.interchange.lists.files import ListRejects, open_list
from tests.fuzzing.lists import seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.interchange.lists.fields import ListLine

    Typed = Any

MANY = 12_000


def table(path: Path, count: int, *, category: str = "1", first: int = 1) -> Path:
    """Write a plain table of as many entries."""
    rows = (f"{n:064x};{n:032x};{category}" for n in range(first, first + count))
    path.write_text("sha256;md5;category\n" + "\n".join(rows) + "\n")
    return path


async def status(typed: Typed) -> dict[str, Any]:
    """Return the one list that there is, as its status shows it."""
    code, shown = await typed("list", "status")
    assert code == Exit.OK
    (one,) = shown["lists"]
    return dict(one)


class TestImport:
    """A file goes into a list."""

    async def test_list_is_made_with_its_terms_and_the_file_goes_in(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """In one command."""
        file = table(tmp_path / "a.csv", 3)
        code, shown = await typed(
            "list", "import", file, "--list", "icse", "--provenance", "police", "--license", "c-1",
            "--trust", "1=suggestion", "--may-share", "--version", "2026-11-29",
        )  # fmt: skip
        assert (code, shown["settled"], shown["not_followed"]) == (Exit.OK, {"added": 3}, [])
        one = await status(typed)
        assert one["provenance"] == "police"
        assert (one["version"], one["may_share"], one["trust"]) == (
            20261129,
            True,
            {"1": "suggestion"},
        )

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--trust", "1=auto"), ["1"]),
            (("--trust", "1=auto", "--may-share"), []),
            (("--trust", "1=suggestion"), []),
        ],
    )
    async def test_who_follows_a_list_that_may_not_be_shared_is_warned(
        self, typed: Typed, tmp_path: Path, words: tuple[str, ...], told: list[str]
    ) -> None:
        """Other members hear such a verdict and cannot know whose list it is."""
        file = table(tmp_path / "a.csv", 1)
        named = ("--list", "icse", "--provenance", "police")
        code, shown = await typed("list", "import", file, *named, *words)
        assert (code, shown["told_to_members"]) == (Exit.OK, told)
        code, shown = await typed("list", "set", "--list", "icse")
        assert (code, shown["told_to_members"]) == (Exit.OK, told)

    async def test_who_misspells_a_category_hears_that_no_entry_has_it(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Who wants to follow a list less far would think that it is done."""
        file = table(tmp_path / "a.csv", 1)
        await typed(
            "list", "import", file, "--list", "a", "--provenance", "own", "--trust", "1=auto"
        )
        _, shown = await typed("list", "set", "--list", "a", "--trust", "l=none")
        assert (shown["not_in_list"], shown["trust"]["1"]) == (["l"], "auto")
        _, shown = await typed(
            "list", "set", "--list", "a", "--trust", "1=none", "--trust", "*=none"
        )
        assert shown["not_in_list"] == []

    async def test_same_file_twice_changes_nothing(self, typed: Typed, tmp_path: Path) -> None:
        """It is not even read again; nor does the same list in another file."""
        file = table(tmp_path / "a.csv", 3)
        words = ("list", "import", file, "--list", "a", "--provenance", "own")
        await typed(*words)
        before = await status(typed)
        code, shown = await typed(*words)
        assert (code, shown["taken_before"], shown["settled"]) == (Exit.OK, 3, {})
        other = table(tmp_path / "b.csv", 4)
        _, shown = await typed("list", "import", other, "--list", "a")
        assert shown["settled"] == {"added": 1, "same": 3}
        after = await status(typed)
        assert (before["to_match"], after["to_match"]) == (3, 4)
        less = {"entries": 3, "categories": {"1": 3}, "changed": 0, "to_match": 3}
        assert after | less == before | {"changed": 0}

    async def test_same_file_in_two_lists_is_told_as_one_source(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """By the status and the doctor; a list of another file is not named."""
        one, other = table(tmp_path / "a.csv", 3), table(tmp_path / "b.csv", 4)
        for name, file in (("icse", one), ("ngo", one), ("stock", other)):
            await typed("list", "import", file, "--list", name, "--provenance", "industry")
        _, shown = await typed("list", "status")
        same = {each["name"]: each["same_file_as"] for each in shown["lists"]}
        assert same == {"icse": ["ngo"], "ngo": ["icse"], "stock": []}
        _, found = await typed("doctor")
        twice = [each["what"] for each in found["findings"] if each["code"] == "lists_of_one_file"]
        assert len(twice) == 1
        assert "icse, ngo" in twice[0]

    async def test_refused_entries_are_named_and_the_others_go_in(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """By place and field; the file of refusals holds no value."""
        file = tmp_path / "a.csv"
        file.write_text(f"md5;category\nsecret;1\n{7:032x};1\n{7:032x};2\n")
        code, shown = await typed("list", "import", file, "--list", "a", "--provenance", "own")
        assert (code, shown["rejected"], shown["settled"]) == (Exit.PROBLEM, 2, {"added": 1})
        assert shown["rejects_file"] == str(tmp_path / "a.csv.rejects.ndjson")
        rejects = (tmp_path / "a.csv.rejects.ndjson").read_text().splitlines()
        assert [(r["entry"], r["field"], r["code"]) for r in map(json.loads, rejects)] == [
            (2, "md5", "bad_hash"),
            (4, None, "conflicting"),
        ]
        assert "secret" not in "".join(rejects)

    async def test_entries_by_which_nothing_is_ever_known_are_counted(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """A PDQ hash alone only suggests: nobody may count on it for a verdict."""
        file = tmp_path / "a.csv"
        pdq = f"{5:064x};90;1\n"
        file.write_text(f"md5;pdq;pdq_quality;category\n;{pdq}{7:032x};{pdq}")
        code, shown = await typed("list", "import", file, "--list", "a", "--provenance", "own")
        assert (code, shown["settled"], shown["pdq_alone"]) == (Exit.OK, {"added": 2}, 1)

    async def test_pdq_hashes_that_a_file_tells_no_quality_of_are_counted(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """NCMEC names no quality: such a list is taken, and not looked for by pictures."""
        file = tmp_path / "a.xml"
        file.write_bytes(seed("ncmec").replace(b' quality="90"', b""))
        code, shown = await typed("list", "import", file, "--list", "a", "--provenance", "own")
        assert (code, shown["rejected"], shown["partly"]) == (Exit.OK, 0, 0)
        assert shown["pdq_left_out"] == 1

    async def test_entry_with_a_date_that_cannot_be_read_is_counted_and_said(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """It counts without; silence would look as if its author had given none."""
        file = tmp_path / "a.csv"
        file.write_text(f"md5;category;date\n{7:032x};1;2026-01-01\n{8:032x};1;secret\n")
        code, shown = await typed("list", "import", file, "--list", "a", "--provenance", "own")
        told = (shown["rejected"], shown["partly"], shown["settled"])
        assert (code, told) == (Exit.PROBLEM, (0, 1, {"added": 2}))
        rejects = (tmp_path / "a.csv.rejects.ndjson").read_text()
        said = json.loads(rejects)
        assert (said["entry"], said["field"], said["code"]) == (3, "date", "bad_date")
        assert "secret" not in rejects

    async def test_broken_document_leaves_what_stood_before_and_goes_on_when_mended(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """It says where it is broken."""
        file = tmp_path / "a.json"
        good = seed("vics-2.0")
        file.write_bytes(good[:-12])
        code, shown = await typed("list", "import", file, "--list", "a", "--provenance", "own")
        assert (code, shown["error"]["code"]) == (Exit.INPUT, "file_wrong")
        one = await status(typed)
        assert one["unfinished"]
        assert one["entries"] == 2
        file.write_bytes(good)
        _, shown = await typed("list", "import", file, "--list", "a")
        assert shown["settled"] == {"same": 2, "added": 1}

    async def test_file_of_which_nothing_can_be_taken_leaves_no_unfinished_import(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Another file than was meant: nobody hands it in again."""
        wrong = tmp_path / "letter.csv"
        wrong.write_text("Dear colleague;\n")
        code, _ = await typed("list", "import", wrong, "--list", "a", "--provenance", "own")
        assert (code, (await status(typed))["unfinished"]) == (Exit.INPUT, False)

    async def test_import_that_is_killed_goes_on_where_it_was(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Kill -9 in the middle of a batch: what was written is not read in again."""
        file = table(tmp_path / "a.csv", MANY)
        await typed("list", "set", "--list", "a", "--provenance", "own")
        words = [sys.executable, "-c", KILLED, str(typed.config.source), str(file)]
        died = await asyncio.create_subprocess_exec(*words)
        assert await died.wait() == -signal.SIGKILL
        half = await status(typed)
        assert half["unfinished"]
        assert half["entries"] == 10_000
        _, shown = await typed("list", "import", file, "--list", "a", "--version", "7")
        assert (shown["taken_before"], shown["settled"]) == (10_000, {"added": MANY - 10_000})
        one = await status(typed)
        assert (one["entries"], one["unfinished"]) == (MANY, False)

    async def test_import_that_goes_on_tells_of_what_it_passes_over(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Reading past millions that were taken before takes minutes, too."""
        file = table(tmp_path / "a.csv", MANY)
        await typed("list", "set", "--list", "a", "--provenance", "own")
        words = [sys.executable, "-c", KILLED, str(typed.config.source), str(file)]
        died = await asyncio.create_subprocess_exec(*words)
        assert await died.wait() == -signal.SIGKILL
        told: list[str] = []

        def go_on() -> None:
            keeping = opened_store(typed.config)
            with keeping as (store, fingerprints), open_list(file) as opened:
                into = Into(store, fingerprints, "a", 7, lambda: 1, batch=5_000)
                rejects = ListRejects(tmp_path / "rejects")
                take_file(into, opened, rejects, lambda _, words: told.append(words))

        await asyncio.to_thread(go_on)
        assert told[:2] == ["5000 entries", "10000 entries"]

    async def test_what_was_refused_before_a_kill_is_told_after_it(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """It is not read again: what the first run did not write down nobody would hear of."""
        file = table(tmp_path / "a.csv", MANY)
        head, rows = file.read_text().split("\n", 1)
        file.write_text(f"{head}\nnone;{7:032x};1\n{1:064x};{1:032x};2\n{rows}")
        await typed("list", "set", "--list", "a", "--provenance", "own")
        words = [sys.executable, "-c", KILLED, str(typed.config.source), str(file)]
        died = await asyncio.create_subprocess_exec(*words)
        assert await died.wait() == -signal.SIGKILL
        rejects = tmp_path / "a.csv.rejects.ndjson"
        told = [json.loads(line)["code"] for line in rejects.read_text().splitlines()]
        assert told == ["bad_hash", "conflicting"]
        code, shown = await typed("list", "import", file, "--list", "a", "--version", "7")
        assert (code, shown["rejected"]) == (Exit.PROBLEM, 0)
        assert shown["rejects_before"] == str(rejects)

    @pytest.mark.parametrize(
        ("words", "field"),
        [
            (("--provenance", "friends"), "--provenance"),
            ((), "--provenance"),
            (("--provenance", "own", "--trust", "1"), "--trust"),
            (("--provenance", "own", "--trust", "1=always"), "--trust"),
            (("--provenance", "own", "--version", "soon"), "--version"),
            (("--provenance", "own", "--list", "two\nlines"), "--list"),
            (("--provenance", "own", "--trust", "a\nb=auto"), "--trust"),
        ],
    )
    async def test_what_is_wrong_is_named_and_nothing_is_made(
        self, typed: Typed, tmp_path: Path, words: tuple[str, ...], field: str
    ) -> None:
        """With what to write."""
        file = table(tmp_path / "a.csv", 1)
        code, shown = await typed("list", "import", file, "--list", "a", *words)
        assert code == Exit.USAGE
        assert shown["error"]["message"].startswith(field)
        _, shown = await typed("list", "status")
        assert sum(one["entries"] for one in shown["lists"]) == 0

    async def test_running_node_goes_on_beside_it(self, running: Typed, tmp_path: Path) -> None:
        """In small batches."""
        file = table(tmp_path / "a.csv", 6_000)
        code, shown = await running("list", "import", file, "--list", "a", "--provenance", "own")
        assert (code, shown["settled"]) == (Exit.OK, {"added": 6_000})

    async def test_newer_version_of_a_case_list_says_one_thing_of_a_file(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """VICS has no ids: what names a file by one hash more corrects it all the same."""
        weak = {"MD5": f"{1:032x}", "SHA1": f"{1:040x}", "Category": 1}
        more = {"AlternativeHashes": [{"HashName": "SHA256", "HashValue": f"{1:064x}"}]}
        head = {"@odata.context": "http://x/2.0.xml/Default/$metadata#Media"}
        file, told = tmp_path / "a.json", []
        for version, media in ((1, weak), (2, weak | more | {"Category": 0})):
            file.write_text(json.dumps(head | {"value": [media]}))
            words = ("--list", "a", "--provenance", "own", "--version", version)
            told.append((await typed("list", "import", file, *words))[1]["settled"])
        assert told == [{"added": 1}, {"changed": 1}]
        assert (await status(typed))["categories"] == {"0": 1}

    async def test_table_with_commas_is_told_what_it_needs(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Its columns are the right ones; nothing but their names said nothing."""
        file = tmp_path / "a.csv"
        file.write_text("sha256,category\n")
        words = ("list", "import", file, "--list", "a", "--provenance", "own")
        code, shown = await typed(*words)
        assert (code, shown["error"]["code"]) == (Exit.INPUT, "file_wrong")
        assert "semicolons" in shown["error"]["message"]


async def whole(typed: Typed, file: Path, *words: object) -> tuple[Exit, dict[str, Any]]:
    """Hand in a file that is the whole list."""
    code, shown = await typed("list", "import", file, "--list", "a", "--full", *words)
    return code, dict(shown)


class TestFull:
    """A file that says it is the whole list."""

    @pytest.fixture(autouse=True)
    async def older(self, typed: Typed, tmp_path: Path) -> None:
        """Let twenty entries stand by version 1."""
        file = table(tmp_path / "old.csv", 20)
        words = ("--list", "a", "--provenance", "own", "--version", "1")
        await typed("list", "import", file, *words)

    async def test_what_it_does_not_name_goes(self, typed: Typed, tmp_path: Path) -> None:
        """Up to a tenth of what stood; handed in again nothing changes."""
        file = table(tmp_path / "new.csv", 20, first=3)
        for gone, settled in ((2, {"added": 2, "confirmed": 18}), (0, {})):
            code, shown = await whole(typed, file, "--version", "2")
            assert (code, shown["taken_back"], shown["settled"]) == (Exit.OK, gone, settled)
            one = await status(typed)
            assert (one["entries"], one["unfinished"]) == (20, False)

    async def test_how_much_may_go_is_refused_of_a_file_that_is_not_the_whole(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Who says it means something by it; nothing of the file is taken in."""
        file = table(tmp_path / "new.csv", 1, first=40)
        words = ("--list", "a", "--version", "2", "--allow-shrink", "10")
        code, shown = await typed("list", "import", file, *words)
        assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
        assert "--full" in shown["error"]["message"]
        assert (await status(typed))["entries"] == 20

    async def test_what_is_overtaken_by_a_newer_one_brings_nothing_more(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Two are typed at once: what the newer does not name would stand after all."""
        source = typed.config.source
        newer = table(tmp_path / "newer.csv", 3)
        wish = lists.Wish("a")
        with (
            lists.opened_store(load(source)) as (store, fingerprints),
            open_list(table(tmp_path / "new.csv", 20, first=40)) as opened,
        ):
            into = Into(store, fingerprints, "a", 2, lambda: 1, batch=5, may_go=100)

            def lines() -> Iterator[ListLine]:
                for place, line in enumerate(opened.lines):
                    if place == 8:
                        lists.import_file(source, newer, wish, None, "3", 100)
                    yield line

            rejects = ListRejects(tmp_path / "rejects")
            with pytest.raises(CliError, match="--version: ") as refused:
                take_file(into, opened._replace(lines=lines()), rejects, lambda _, __: None)
        assert refused.value.code == "version_not_newer"
        assert (await status(typed))["entries"] == 3

    async def test_without_the_word_nothing_goes(self, typed: Typed, tmp_path: Path) -> None:
        """Most files are increments."""
        file = table(tmp_path / "new.csv", 1)
        code, shown = await typed("list", "import", file, "--list", "a", "--version", "2")
        assert (code, shown["taken_back"], (await status(typed))["entries"]) == (Exit.OK, 0, 20)

    async def test_more_than_may_go_stays_until_it_is_said(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """An increment that was taken for the whole must not empty a list; however much it adds."""
        file = table(tmp_path / "new.csv", 200, first=4)
        code, shown = await whole(typed, file, "--version", "2")
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "list_shrinks")
        assert "3 of 20" in shown["error"]["message"]
        one = await status(typed)
        assert (one["entries"], one["unfinished"]) == (203, True)
        words = ("--version", "2", "--allow-shrink")
        code, shown = await whole(typed, file, *words, "14")
        assert shown["error"]["code"] == "list_shrinks"
        code, shown = await whole(typed, file, *words, "15")
        assert (code, shown["taken_back"]) == (Exit.OK, 3)
        assert (await status(typed))["entries"] == 200

    async def test_file_with_a_refused_entry_takes_nothing_back(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """It may be the one that would go; nor does it when the same file is handed in again."""
        file = table(tmp_path / "new.csv", 19)
        file.write_text(file.read_text() + f"none;{20:032x};1\n")
        for _ in range(2):
            code, shown = await whole(typed, file, "--version", "2", "--allow-shrink", "100")
            assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_whole")
            assert (await status(typed))["entries"] == 20
        code, shown = await whole(typed, table(file, 19), "--version", "3")
        assert (code, shown["taken_back"]) == (Exit.OK, 1)

    async def test_broken_file_takes_nothing_back(self, typed: Typed, tmp_path: Path) -> None:
        """What would have followed the place is unknown."""
        file = tmp_path / "new.json"
        file.write_bytes(seed("vics-2.0")[:-12])
        words = ("--version", "2", "--allow-shrink", "100")
        code, shown = await whole(typed, file, *words)
        assert (code, shown["error"]["code"]) == (Exit.INPUT, "file_wrong")
        one = await status(typed)
        assert (one["entries"], one["unfinished"]) == (22, True)

    async def test_version_that_another_file_has_is_refused(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """What that file named could not be told from what this one does."""
        file = table(tmp_path / "new.csv", 20, first=3)
        code, shown = await whole(typed, file, "--version", "1")
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "version_not_newer")
        assert (await status(typed))["entries"] == 20

    async def test_import_that_is_killed_goes_on_and_then_takes_back(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """By what stood before it began, though much of it has come in since."""
        file = table(tmp_path / "new.csv", MANY, first=2)
        words = [sys.executable, "-c", KILLED, str(typed.config.source), str(file), "10"]
        died = await asyncio.create_subprocess_exec(*words)
        assert await died.wait() == -signal.SIGKILL
        assert (await status(typed))["entries"] == 10_001
        code, shown = await whole(typed, file, "--version", "7")
        assert (code, shown["taken_before"], shown["taken_back"]) == (Exit.OK, 10_000, 1)
        one = await status(typed)
        assert (one["entries"], one["unfinished"]) == (MANY, False)


KILLED = f"""
import os, signal, sys
from pathlib import Path
from node.cli import list_import, lists
from node.config import load
from node.interchange.lists.files import ListRejects, open_list
from node.interchange.rejects import free_path

with lists.opened_store(load(Path(sys.argv[1]))) as (store, fingerprints):
    may_go = int(sys.argv[3]) if sys.argv[3:] else None
    into = list_import.Into(store, fingerprints, "a", 7, lambda: 1, batch=5_000, may_go=may_go)
    with open_list(Path(sys.argv[2])) as opened:
        def lines():
            for line in opened.lines:
                if line.number > {MANY - 500}:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield line
        rejects = ListRejects(free_path(Path(sys.argv[2]), "ndjson"))
        list_import.take_file(into, opened._replace(lines=lines()), rejects, print)
"""


class TestExport:
    """A list comes out."""

    async def test_what_comes_out_goes_in_elsewhere(self, typed: Typed, tmp_path: Path) -> None:
        """Entries, and what was taken back by its id."""
        file = tmp_path / "a.csv"
        file.write_bytes(seed("csv"))
        words = ("--provenance", "hotline", "--may-share")
        await typed("list", "import", file, "--list", "a", *words)
        out = tmp_path / "out.csv"
        code, shown = await typed("list", "export", out, "--list", "a")
        assert (code, shown["entries"]) == (Exit.OK, 3)
        assert out.stat().st_mode & 0o777 == 0o600
        assert out.read_bytes().splitlines()[:4] == seed("csv").splitlines()[:4]
        assert out.read_bytes().splitlines()[4].endswith(b";42/gone;true")

    @pytest.mark.parametrize("form", ["csv", "ncmec"])
    async def test_entry_that_was_listed_again_is_in_the_copy(
        self, typed: Typed, tmp_path: Path, form: str
    ) -> None:
        """A file of retractions has no versions: the old one would take it back."""
        file, out = tmp_path / "a.csv", tmp_path / "out"
        file.write_text(f"sha256;category;id\n{1:064x};1;x\n{2:064x};1;y\n")
        words = ("--list", "a", "--provenance", "own", "--may-share", "--version")
        await typed("list", "import", file, *words, "1")
        for one in ("x", "y"):
            await typed("list", "retract", "--list", "a", "--id", one)
        file.write_text(f"sha256;category;id\n{1:064x};1;x\n")
        await typed("list", "import", file, *words, "2")
        code, shown = await typed("list", "export", out, "--list", "a", "--format", form)
        assert (code, shown["entries"], shown["retractions_left_out"]) == (Exit.OK, 1, 0)
        _, shown = await typed("list", "import", out, "--list", "b", "--provenance", "own")
        assert shown["settled"] == {"added": 1, "retracted": 1}

    @pytest.mark.parametrize("form", ["csv", "vics-2.0"])
    async def test_retraction_that_no_file_tells_is_counted_and_the_whole_list_makes_up_for_it(
        self, typed: Typed, tmp_path: Path, form: str
    ) -> None:
        """Of an entry without an id nothing is kept that could be written."""
        words = ("--provenance", "own", "--may-share")
        await typed("list", "import", table(tmp_path / "a.csv", 20), "--list", "a", *words)
        first, second = tmp_path / "1", tmp_path / "2"
        await typed("list", "export", first, "--list", "a", "--format", form)
        await typed("list", "import", first, "--list", "b", *words, "--version", "1")
        await typed("list", "retract", "--list", "a", "--md5", f"{1:032x}")
        code, shown = await typed("list", "export", second, "--list", "a", "--format", form)
        assert (code, shown["retractions_left_out"]) == (Exit.OK, 1)
        again = ("list", "import", second, "--list", "b", "--version", "2", "--full")
        _, shown = await typed(*again)
        assert (shown["settled"], shown["taken_back"]) == ({"confirmed": 19}, 1)

    async def test_list_that_may_not_be_shared_stays_unless_it_is_said(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """A list of police in other hands is what the terms forbid."""
        await typed("list", "set", "--list", "a", "--provenance", "police")
        out = tmp_path / "out"
        code, shown = await typed("list", "export", out, "--list", "a", "--format", "vics-2.0")
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "list_not_shared")
        assert not out.exists()
        code, _ = await typed("list", "export", out, "--list", "a", "--own-use")
        assert code == Exit.OK

    async def test_what_a_format_has_no_place_for_is_said(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Else somebody takes a part for the whole."""
        file = tmp_path / "a.csv"
        rows = f"{1:064x};;baseline\n{2:064x};{2:032x};not_baseline\n"
        file.write_text(f"sha256;md5;category\n{rows}")
        await typed("list", "import", file, "--list", "a", "--provenance", "own", "--may-share")
        await typed("list", "retract", "--list", "a", "--id", "gone")
        words = ("list", "export", tmp_path / "out", "--list", "a", "--format", "icse")
        code, shown = await typed(*words)
        assert code == Exit.PROBLEM
        told = [shown[name] for name in ("entries", "left_out", "retractions_left_out")]
        assert told == [1, 1, 1]

    async def test_category_that_a_format_has_no_word_for_is_refused(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """Written as no baseline, a file that is illegal everywhere would be read as less."""
        file = table(tmp_path / "a.csv", 2)
        await typed("list", "import", file, "--list", "a", "--provenance", "own", "--may-share")
        out = tmp_path / "out"
        code, shown = await typed("list", "export", out, "--list", "a", "--format", "icse")
        assert (code, shown["error"]["message"][:8]) == (Exit.USAGE, "--format")
        assert not out.exists()

    async def test_no_file_is_overwritten(self, typed: Typed, tmp_path: Path) -> None:
        """It may be the only copy."""
        await typed("list", "set", "--list", "a", "--provenance", "own", "--may-share")
        out = table(tmp_path / "out", 1)
        code, shown = await typed("list", "export", out, "--list", "a")
        assert (code, shown["error"]["code"]) == (Exit.INPUT, "file_unreadable")
        assert "stands already" in shown["error"]["message"]


class TestRetract:
    """An entry is taken back by a person."""

    async def test_it_is_gone_and_the_same_version_does_not_bring_it_back(
        self, typed: Typed, tmp_path: Path
    ) -> None:
        """A newer one does: its author has said so again."""
        file = table(tmp_path / "a.csv", 2)
        words = ("list", "import", file, "--list", "a", "--provenance", "own", "--version")
        await typed(*words, "5")
        code, shown = await typed("list", "retract", "--list", "a", "--md5", f"{1:032x}")
        assert (code, shown["settled"], shown["entries"]) == (Exit.OK, "retracted", 1)
        other = table(tmp_path / "b.csv", 3)
        _, shown = await typed("list", "import", other, "--list", "a", "--version", "5")
        assert shown["settled"] == {"added": 1, "same": 1, "stays_retracted": 1}
        _, shown = await typed("list", "import", other, "--list", "a", "--version", "6")
        assert shown["settled"] == {"added": 1, "confirmed": 2}

    @pytest.mark.parametrize("words", [(), ("--sha1", "zz")])
    async def test_nothing_named_takes_nothing_back(
        self, typed: Typed, words: tuple[str, ...]
    ) -> None:
        """Or what is no hash."""
        await typed("list", "set", "--list", "a", "--provenance", "own")
        code, shown = await typed("list", "retract", "--list", "a", *words)
        assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")

    async def test_list_that_is_not_there_is_named(self, typed: Typed, tmp_path: Path) -> None:
        """With the verb that shows which are."""
        for words in (("retract", "--id", "x"), ("export", tmp_path / "x")):
            code, shown = await typed("list", *words, "--list", "none")
            assert (code, shown["error"]["code"]) == (Exit.REFUSED, "unknown_list")


class TestMembers:
    """What a member of the network said of contents is a list too."""

    async def test_people_say_how_far_a_member_is_followed_before_it_speaks(
        self, typed: Typed
    ) -> None:
        """Its verdicts are its own: nothing warns of telling them as ours."""
        words = ("--list", "member/gb-iwf", "--provenance", "member", "--trust", "baseline=auto")
        code, shown = await typed("list", "set", *words)
        assert (code, shown["trust"]) == (Exit.OK, {"baseline": "auto"})
        assert shown["told_to_members"] == []

    async def test_only_a_member_changes_what_it_said(self, typed: Typed, tmp_path: Path) -> None:
        """An entry put there or taken away by hand would be a word of another."""
        name = ("--list", "member/gb-iwf")
        await typed("list", "set", *name, "--provenance", "member")
        for words in (("import", table(tmp_path / "a.csv", 1)), ("retract", "--id", "x")):
            code, shown = await typed("list", *words, *name)
            assert (code, shown["error"]["code"]) == (Exit.REFUSED, "list_of_a_member")

    @pytest.mark.parametrize(
        ("name", "provenance"), [("member/gb-iwf", "own"), ("a", "member"), ("members", "member")]
    )
    async def test_no_other_list_is_taken_for_a_members(
        self, typed: Typed, name: str, provenance: str
    ) -> None:
        """By its name or by who vouches for it."""
        code, shown = await typed("list", "set", "--list", name, "--provenance", provenance)
        assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
