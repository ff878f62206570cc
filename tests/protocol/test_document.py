"""docs/protocol.md under test: its tables are the code's, and every cited clause exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protocol.messages import FORMS
from tests.protocol import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
NEXT_CHAPTER = "## 9 Requests and answers"
LINES = [line.strip() for line in DOCUMENT.splitlines()]
CLAUSES = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?) ", DOCUMENT, re.MULTILINE))
SECTIONS = {
    "kinds": tables.kind_rows,
    "forms": tables.form_rows,
    "words": tables.word_rows,
    "answers": tables.answer_rows,
    "steps": tables.step_rows,
    "standings": tables.standing_rows,
    "permissions": tables.permission_rows,
}
STRUCTS = [*tables.FACTS, *FORMS.values(), *tables.ANSWER_PARTS]


def _stands_together(rows: Iterable[str]) -> bool:
    """Whether these rows stand in the document in this order, with nothing between or after."""
    wanted = list(rows)
    return any(
        LINES[at : at + len(wanted)] == wanted and not LINES[at + len(wanted)].startswith("|")
        for at in range(len(LINES) - len(wanted))
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_a_table_of_the_document_is_the_table_of_the_code(section: str) -> None:
    """Whoever reads the norm reads what runs: no row less, no row more."""
    assert _stands_together(SECTIONS[section]())


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda one: one.__name__)
def test_6_the_fields_of_a_message_are_documented(struct: type) -> None:
    """Places, names and bounds, under the message's name."""
    at = LINES.index(f"**`{struct.__name__}`**")
    rows = list(tables.field_rows(struct))
    assert LINES[at + 4 : at + 5 + len(rows)] == [*rows, ""]


def test_10_2_every_disposition_is_explained() -> None:
    """A code that nobody explains is one that nobody can act upon."""
    chapter = LINES[LINES.index("### 10.2 Codes") : LINES.index("### 10.3 Parking")]
    for start in tables.disposition_starts():
        (row,) = [line for line in chapter if line.startswith(start)]
        assert len(row) > len(start) + 10


def test_8_13_every_standing_is_explained() -> None:
    """Somebody waits for each of them."""
    chapter = LINES[LINES.index("### 8.13 Recovery of a lost member") : LINES.index(NEXT_CHAPTER)]
    for start in tables.recovery_starts():
        assert [line for line in chapter if line.startswith(start) and len(line) > len(start) + 10]


def test_every_clause_that_the_code_cites_exists() -> None:
    """A citation that leads nowhere is worse than none."""
    cited: set[str] = set()
    for path in [*(ROOT / "protocol").glob("*.py"), *(ROOT / "node").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        ours = re.findall(r"protocol\.md[`]?,? §(\d+(?:\.\d+)?)", text)
        if path.parent.name == "protocol":
            ours += re.findall(r"\(§(\d+(?:\.\d+)?)[),;]", text)
        rfc = {one for one in ours if one.startswith("2.1")}
        cited |= set(ours) - rfc
    assert cited - CLAUSES == set()


def test_every_clause_that_a_test_names_exists() -> None:
    """Tests are named after the clauses they check."""
    named: set[str] = set()
    for path in (ROOT / "tests" / "protocol").glob("test_*.py"):
        for chapter, clause in re.findall(
            r"def test_(\d+)(?:_(\d+))?_", path.read_text(encoding="utf-8")
        ):
            named.add(f"{chapter}.{clause}" if clause else chapter)
    assert named - CLAUSES == set()


def test_every_guarantee_says_what_holds_now() -> None:
    """G1 to G11, each with its clauses and an honest last column."""
    rows = [line for line in LINES if re.match(r"\| G\d+ \|", line)]
    assert [row.split(" | ")[0] for row in rows] == [f"| G{number}" for number in range(1, 12)]
    assert all(len(row.split(" | ")) == 4 for row in rows)
