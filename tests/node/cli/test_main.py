"""The frame of the command line: one line for each error, an exit code for each kind, no noise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import typer.main

from node.cli.app import app
from node.cli.exits import MEANING, Exit, exit_of
from node.cli.main import run
from node.cli.output import CliError, Result, note, show, show_error, table
from node.cli.verbs import with_only


class OfNobody(Exception):  # noqa: N818 - a foreign error
    """An error with text that must not be shown."""


class KeysError(Exception):
    """Stands for the base of a package; found by its name."""

    code: ClassVar[str] = "unreadable_key"


class TestUsage:
    """Mistakes in what was typed."""

    def test_unknown_verb_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The nearest verb is named."""
        assert run(["confg"]) == Exit.USAGE
        error = capsys.readouterr().err
        assert error.startswith("error: usage: hotline: ")
        assert "config" in error
        assert error.count("\n") == 1

    def test_typed_values_are_not_repeated(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An address under report, typed in the wrong place, does not end up in a terminal log."""
        assert run(["config", "check", "https://canary.example/x"]) == Exit.USAGE
        assert run(["config", "check", "--cofnig=https://canary.example/x"]) == Exit.USAGE
        assert "canary" not in capsys.readouterr().err

    def test_word_of_no_list_is_told_the_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        """In our words; what was typed is not repeated."""
        assert run(["submit", "reports.csv", "--encoding", "klingon"]) == Exit.USAGE
        error = capsys.readouterr().err
        assert "'--encoding': write one of 'utf-8', 'cp1252'" in error
        assert "klingon" not in error

    def test_no_words_show_the_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A bare `hotline` is a question."""
        assert run([]) == Exit.USAGE
        assert "Usage: hotline" in capsys.readouterr().out

    def test_each_verb_is_built_alone(self) -> None:
        """To build all of them takes longer than what most of them do."""
        for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
            alone = typer.main.get_command(with_only(app, name))
            assert list(alone.commands) == [name]  # type: ignore[attr-defined]

    def test_help_is_a_success(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Asked for help, given help."""
        assert run(["--help"]) == Exit.OK
        assert "config" in capsys.readouterr().out


class TestErrors:
    """Errors from the rooms."""

    def test_json_error_is_an_object_on_stdout(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A script reads one place for both outcomes; a person still sees the line."""
        path = tmp_path / "none.toml"
        assert run(["config", "check", "--json", "-c", str(path)]) == Exit.CONFIGURATION
        out, err = capsys.readouterr()
        assert json.loads(out)["error"]["code"] == "config_unreadable"
        assert err.startswith(f"error: config_unreadable: {path}: ")

    def test_debug_gives_the_traceback(self, tmp_path: Path) -> None:
        """Whoever asks for it sees everything."""
        with pytest.raises(Exception, match="configuration"):
            run(["--debug", "config", "check", "-c", str(tmp_path / "none.toml")])

    def test_base_class_decides_the_code(self) -> None:
        """An error of a package takes the exit code of that package."""
        assert exit_of(KeysError("keys_dir: x")) == Exit.KEYS

    def test_own_code_goes_first(self) -> None:
        """A verb may say more precisely what happened."""
        assert exit_of(CliError("x", "y: z", Exit.UNREACHABLE)) == Exit.UNREACHABLE

    def test_foreign_error_has_no_code(self) -> None:
        """What is none of ours is shown by kind and place only."""
        assert exit_of(OfNobody("https://canary.example/")) is None

    def test_every_code_has_a_meaning(self) -> None:
        """The table of the documentation is complete."""
        assert set(MEANING) == set(Exit)


class TestStart:
    """What is loaded before a verb is known."""

    def test_help_imports_nothing_heavy(self) -> None:
        """The slow libraries stay out of `hotline --help` (P12 measures the time)."""
        heavy = "aiohttp sqlite_utils sqlcipher3 tuf cryptography msgspec structlog maxminddb"
        shown = "prometheus_client rich markdown_it pygments"
        program = "from node.cli.main import run; run(['--help'])"
        assert _loaded(program, f"{heavy} {shown}") == ""

    def test_a_node_starts_without_what_it_does_not_need_yet(self) -> None:
        """What applies a schema, fetches a registry or paints text is loaded when it is needed."""
        later = "sqlite_utils tuf.ngclient urllib3 rich pygments"
        assert _loaded("import node.cli.run", later) == ""


def _loaded(program: str, names: str) -> str:
    """Which of these modules a fresh interpreter holds after a program, or why it failed."""
    told = f"import sys; sys.exit(','.join(sorted(set({names.split()}) & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {told}"], capture_output=True, text=True, check=False
    )
    return done.stderr.strip()


class TestHelp:
    """What `--help` shows of a group of verbs."""

    def test_verbs_stand_under_their_headings(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who looks for a verb finds it by what he wants to do."""
        run(["--help"])
        text = capsys.readouterr().out
        assert text.index("Setting up:") < text.index("  init ") < text.index("Running it:")
        assert text.index("Reports:") < text.index("  submit ") < text.index("Keeping it:")

    def test_what_a_verb_does_is_shown_whole(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No sentence ends in dots."""
        run(["--help"])
        assert "..." not in capsys.readouterr().out.partition("Setting up:")[2]

    def test_a_group_without_headings_lists_all_its_verbs(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Verbs without a panel are no less visible."""
        run(["hold", "--help"])
        assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said", ["\x1b[2J", "\x9b2J", "a\rb", "bell\x07", "\u202e", "\udc9b", "\U000e0001"]
)
class TestTerminal:
    """Names and texts of others are shown here."""

    def test_attack_text_that_a_terminal_obeys_is_shown_as_text(
        self, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It clears no screen, moves no cursor, and turns no line round."""
        show(Result({}, f"first {said}\nsecond"), as_json=False)
        note(said)
        show_error("code", said, as_json=True)
        out, err = capsys.readouterr()
        assert all(line.isprintable() for line in f"{out}{err}".split("\n"))
        assert len(out.splitlines()) == 3

    def test_script_reads_what_was_said(
        self, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """JSON has an escape for each."""
        show(Result({"said": said}), as_json=True)
        shown = capsys.readouterr().out
        assert shown.rstrip("\n").isprintable()
        assert json.loads(shown) == {"said": said}


class TestTable:
    """Columns for people."""

    def test_attack_cell_that_fakes_a_row_stays_in_its_row(self) -> None:
        """Whoever names something names no other thing beside it."""
        assert len(table(("member",), [("x\ngb-iwf",)]).splitlines()) == 2

    def test_numbers_stand_to_the_right(self) -> None:
        """Text left, numbers right, nothing as a dash."""
        shown = table(("member", "items"), [("gb-iwf", 7), ("nl-eokm", 1200), ("x", None)])
        assert shown.splitlines()[0] == "member   items"
        assert table(("m", "n"), [("a", 7), ("b", 12)]).splitlines()[1] == "a   7"

    def test_no_rows_still_show_the_headings(self) -> None:
        """An empty list is an answer."""
        assert table(("member",), []) == "member"
