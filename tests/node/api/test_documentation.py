"""`docs/api.md` under test: its tables are those of the code."""

from __future__ import annotations

from pathlib import Path

from node.api.operations import OPERATIONS
from node.api.problems import MEANING, STATUS
from node.interchange.codes import SOURCES, TYPES


def missing(repository: Path, rows: list[str]) -> list[str]:
    """Give the rows that the document does not contain as they should stand."""
    document = (repository / "docs/api.md").read_text(encoding="utf-8")
    return [row for row in rows if row not in document]


def code(word: object) -> str:
    """Write a word as code, or nothing."""
    return f"`{word}`" if word else ""


def test_every_problem_code_is_tabled(repository: Path) -> None:
    """Programs branch on these codes."""
    rows = [f"| `{name}` | {status} | {MEANING[name]} |" for name, status in STATUS.items()]
    assert not missing(repository, rows)


def test_every_operation_is_tabled_with_its_scope(repository: Path) -> None:
    """Whoever makes a token finds what it must permit."""
    rows = [f"| `{one.method} {one.path}` | {code(one.scope) or 'none'} |" for one in OPERATIONS]
    assert not missing(repository, rows)


def test_every_word_of_the_csv_is_tabled(repository: Path) -> None:
    """What SOURCE and TYPE mean here is no secret."""
    rows = [
        f"| `{word}` | `{meaning.source}` | {code(meaning.found_via)} |"
        for word, meaning in SOURCES.items()
    ]
    rows += [
        f"| `{word}` | {code(meaning.kind)} | {code(meaning.site and f'site:{meaning.site}')} |"
        for word, meaning in TYPES.items()
    ]
    assert not missing(repository, rows)
