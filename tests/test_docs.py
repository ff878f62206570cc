"""The documentation under test: the docs name whatever the public face has, and links lead on.

The code's own tables are read, so that a new verb, key, metric, exit code or error code without a
word in the docs fails here, with the row to add.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main

from node.cli.app import app
from node.cli.exits import MEANING
from node.config.text import documented_keys
from node.telemetry.metrics import documented_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
OPERATING = [
    path.relative_to(ROOT).as_posix()
    for path in DOCS
    if path.match("docs/operating.md") or path.match("docs/operating/*.md")
]
REFERENCE = "docs/operating/reference.md"
NOT_PREVENTED = "**not prevented**"
ATTACK = re.compile(r"\*\*(?P<attack>[^*]+)\*\*\s\(A\d[^)]*\)\.\s")
NAME = re.compile(r"`(\w+)`")
TRIED = re.compile(
    r"`(?P<path>tests/[\w/]+\.py)`: (?P<tests>`test_\w+`(?:, `test_\w+`)*)"
    r"(?: \(worlds with (?P<worlds>`\w+`(?:, `\w+`)*)\))?"
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def text(name: str) -> str:
    """Read one document."""
    return (ROOT / name).read_text(encoding="utf-8")


def missing(rows: Iterator[str] | list[str], *names: str) -> list[str]:
    """Give the rows that none of the documents contains as they should stand."""
    document = "\n".join(text(name) for name in names)
    return [row for row in rows if row not in document]


def verbs(command: object, path: tuple[str, ...] = ("hotline",)) -> Iterator[str]:
    """Give every verb of the command line as it is typed."""
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        yield " ".join(path)
        return
    for name, inner in subcommands.items():
        yield from verbs(inner, (*path, name))


def error_codes() -> dict[str, str]:
    """Give the `code` of every class that has one, with the module it stands in."""
    return {
        node.value.value: path.relative_to(ROOT).as_posix()
        for package in ("keys", "protocol", "node")
        for path in sorted((ROOT / package).rglob("*.py"))
        for outer in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(outer, ast.ClassDef)
        for node in outer.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and any(isinstance(name, ast.Name) and name.id == "code" for name in targets(node))
    }


def command_codes() -> set[str]:
    """Give the codes of errors that the command line raises by name."""
    return {
        call.args[0].value
        for path in sorted((ROOT / "node/cli").glob("*.py"))
        for call in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "CliError"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    } | {"internal", "system", "usage"}


def targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    """Give what an assignment assigns to."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def anchors(document: str) -> set[str]:
    """Give the anchors that a renderer makes of a document's headings."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", document, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_every_verb_is_explained() -> None:
    """An operator finds each verb in the order in which he meets it."""
    assert not missing(list(verbs(typer.main.get_command(app))), *OPERATING)


def test_no_document_names_a_verb_that_does_not_exist() -> None:
    """What somebody types from the docs is understood."""
    real = set(verbs(typer.main.get_command(app)))
    groups = {verb.rsplit(" ", 1)[0] for verb in real} | {"hotline"}
    wrong = [
        f"{path.name}: {typed}"
        for path in DOCS
        for typed in re.findall(
            r"(?:^|`)(hotline(?: [a-z]+)+)", path.read_text("utf-8"), re.MULTILINE
        )
        if not any(typed == verb or typed.startswith(f"{verb} ") for verb in real)
        and typed not in groups
    ]
    assert not wrong


def test_every_exit_code_is_tabled() -> None:
    """Scripts branch on exit codes: the table is part of the public face."""
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in MEANING.items()]
    assert not missing(rows, REFERENCE)


def test_every_configuration_key_is_tabled() -> None:
    """The table says of each key what it is, its default and its meaning."""
    rows = [
        f"| `{row.key}` | {row.kind} | `{row.default}` | {row.meaning} |"
        for row in documented_keys()
    ]
    assert not missing(rows, "docs/configuration.md")


def test_every_metric_is_tabled() -> None:
    """Alarms are built on metric names: they are part of the public face."""
    rows = [
        f"| `{row.name}` | {row.kind} | {', '.join(row.labels)} | {row.meaning} |"
        for row in documented_metrics()
    ]
    assert not missing(rows, REFERENCE)


def test_every_error_code_is_tabled() -> None:
    """Whoever reads a code in a log finds who is at fault and what mends it."""
    assert not missing(
        [f"| `{code}` |" for code in sorted({*error_codes(), *command_codes()})], "docs/errors.md"
    )


def test_no_error_code_is_tabled_that_no_longer_exists() -> None:
    """A stale row sends somebody looking for what cannot happen."""
    tabled = set(re.findall(r"^\| `([a-z0-9_]+)` \|", text("docs/errors.md"), re.MULTILINE))
    assert tabled <= error_codes().keys() | command_codes()


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    """Relative links name a file of this repository, and an anchor in it that exists."""
    broken = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            broken.append(link)
    assert not broken


def attacks() -> list[tuple[str, list[str]]]:
    """Give each attack of the threat model, with the lines that name the tests that try it."""
    listed = text("docs/threat-model.md").partition("\n## Attacks")[2].partition("\n## ")[0]
    found: list[tuple[str, list[str]]] = []
    for paragraph in listed.split("\n\n"):
        if paragraph.startswith("**"):
            found.append((paragraph, []))
        elif paragraph.startswith("- "):
            found[-1][1].extend(line.removeprefix("- ") for line in paragraph.splitlines())
    return found


def untried(line: str) -> str | None:
    """Say why a line of the threat model names no test that there is; None: all of it is there."""
    named = TRIED.fullmatch(line)
    if named is None:
        return f"names no file with its tests: {line!r}"
    path = ROOT / named["path"]
    source = path.read_text("utf-8") if path.is_file() else ""
    gone = [one for one in NAME.findall(named["tests"]) if f"def {one}(" not in source]
    if gone:
        return f"{named['path']} has no {', '.join(gone)}"
    faults = "".join(one.read_text("utf-8") for one in path.parent.glob("*.py"))
    if any(f'"{kind}"' not in faults for kind in NAME.findall(named["worlds"] or "")):
        return f"no world has {named['worlds']}"
    return None


def test_every_attack_has_a_test_that_tries_it() -> None:
    """A mechanism without a test, or whose test was renamed away, is a claim without proof."""
    listed = attacks()
    names = [ATTACK.match(said) for said, _ in listed]
    assert len({named["attack"] for named in names if named is not None}) == len(names) > 100
    assert not [said for said, tried in listed if not tried]
    assert not [
        f"{said[:80]}: {why}"
        for said, tried in listed
        for line in tried
        if line != NOT_PREVENTED and (why := untried(line)) is not None
    ]


@pytest.mark.parametrize(
    "line",
    [
        "", "a test will follow", "`tests/test_docs.py`", "`test_every_decision_is_listed`",
        "`tests/test_docs.py`: `test_that_is_gone`", "`tests/gone.py`: `test_x`",
        "`tests/test_docs.py`: `test_every_decision_is_listed`, see there",
        "`tests/simulation/test_worlds.py`: `test_a_world_replays_exactly` (worlds with `mice`)",
    ],
)  # fmt: skip
def test_attack_without_a_test_is_found(line: str) -> None:
    """Neither an empty line nor a name of the past passes."""
    assert untried(line) is not None


def test_every_decision_is_listed() -> None:
    """The index of decisions is complete."""
    records = sorted((ROOT / "docs/adr").glob("0*.md"))
    assert not missing([f"({record.name})" for record in records], "docs/adr/README.md")


def test_every_alarm_of_the_registry_is_explained() -> None:
    """Seven days of visible alarm protect nobody who cannot find out what it means."""
    said = re.findall(r"Alarm\(\w+, ([^)]*)\)", text("node/registry/trust.py"))
    codes = [f"`{code}`" for code in re.findall(r'"([a-z_]+)"', " ".join(said))]
    assert len(codes) == 5
    assert not missing(codes, "docs/operating.md")


def test_no_clause_of_the_norm_has_the_number_of_another() -> None:
    """Two changes that are merged may each have taken the next one."""
    numbers = re.findall(r"^#{2,4} (\d+(?:\.\d+)*) ", text("docs/protocol.md"), flags=re.MULTILINE)
    assert sorted(numbers) == sorted(set(numbers))
