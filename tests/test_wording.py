"""Every error of `keys/` and `protocol/` names the field and the mend, read in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES_ITS_FIELD = re.compile(r"[a-z0-9_{}][a-z0-9_.{}, /]*: \S", re.DOTALL)

PREFIXED = {"keys/armour.py", "keys/hsm_key.py", "protocol/cosignature.py"}
"""Whoever calls puts before it what it is: the path of a key file, a receipt, a witness's note."""

BUGS = {"AssertionError", "TypeError"}
"""Told to a programmer, not to whoever runs the node."""

CAUGHT = "extension types are not allowed"
"""Never leaves the decoder that it stops."""


def text_of(node: ast.expr) -> str | None:
    """The text of a literal, `{}` for what is put in; None for what is no literal."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def raised() -> Iterator[tuple[str, list[str | None]]]:
    """Yield where an error is raised, and the texts that it is given."""
    for path in sorted((*ROOT.glob("keys/*.py"), *ROOT.glob("protocol/*.py"))):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = ast.unparse(node.exc.func)
                if name.endswith("Error") and name not in BUGS and place not in PREFIXED:
                    yield f"{place}:{node.lineno}", [text_of(one) for one in node.exc.args]


RAISED = list(raised())


@pytest.mark.parametrize(("place", "texts"), RAISED, ids=[one for one, _ in RAISED])
def test_every_error_names_the_field_and_the_mend(place: str, texts: list[str | None]) -> None:
    """Whoever reads it knows where to look; `make mutate` leaves these texts alone."""
    assert texts, place
    if texts[0] is None:
        return  # handed on from an error that names it
    said = ": ".join(text or "{}" for text in texts)
    assert said == CAUGHT or NAMES_ITS_FIELD.match(said), said
