"""What a verb gives back, and how it is shown: text for people, one JSON object with `--json`.

Results go to stdout, errors and progress to stderr. With `--json` an error is also shown on stdout,
as `{"error": {"code", "message"}}`, so that a script reads one place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from node.cli.exits import Exit


class CliError(Exception):
    """A verb cannot go on; the text is `field: mend`.

    Args:
        code: stable word for scripts.
        message: the field and the mend; no URL, hash or personal data.
        exit: the process's exit code.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str, exit: Exit = Exit.REFUSED) -> None:  # noqa: A002 - the word of exits.py
        super().__init__(message)
        self.code = code
        self.exit = exit


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a verb: `data` for scripts, `text` for people, `exit` for both."""

    data: Mapping[str, Any]
    text: str = ""
    exit: Exit = Exit.OK


def show(result: Result, *, as_json: bool) -> int:
    """Write the result to stdout; give its exit code."""
    if as_json:
        sys.stdout.write(json.dumps(result.data, ensure_ascii=False, default=str) + "\n")
    elif result.text:
        sys.stdout.write(result.text.rstrip("\n") + "\n")
    sys.stdout.flush()
    return result.exit


def note(line: str) -> None:
    """Tell the person at the terminal something on the way: one line on stderr."""
    sys.stderr.write(" ".join(line.split()) + "\n")
    sys.stderr.flush()


def show_error(code: str, message: str, *, as_json: bool) -> None:
    """Write one line to stderr, and with `--json` the same as an object to stdout."""
    line = " ".join(message.split())
    sys.stderr.write(f"error: {code}: {line}\n")
    if as_json:
        error = {"error": {"code": code, "message": line}}
        sys.stdout.write(json.dumps(error, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def table(headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Lay out rows in columns of equal width; numbers stand to the right."""
    cells = [tuple("-" if cell is None else str(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    right = [all(isinstance(row[i], int) for row in rows) for i in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right and rows else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (headings, *cells)
    )
