"""What a verb gives back, and how it is shown: text for people, one JSON object with `--json`.

Results go to stdout, errors and progress to stderr. With `--json` an error is also shown on stdout,
as `{"error": {"code", "message"}}`, so that a script reads one place.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
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


def plain(line: str) -> str:
    """Return a line with what a terminal would obey, or hide, as JSON escapes it.

    What others wrote is shown, too: it must neither move the cursor nor fake a line.
    """
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)


def show(result: Result, *, as_json: bool) -> int:
    """Write the result to stdout; give its exit code.

    Raises:
        CliError: it cannot be written, as into a file on a full disk; the verb has done its work.
    """
    try:
        if as_json:
            record = json.dumps(result.data, ensure_ascii=False, default=str)
            sys.stdout.write(plain(record) + "\n")
        elif result.text:
            lines = result.text.rstrip("\n").split("\n")
            sys.stdout.writelines(plain(line) + "\n" for line in lines)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        mend = "what was asked for is done; its answer is not shown"
        message = f"stdout: cannot be written ({error.strerror}); {mend}"
        raise CliError("not_shown", message, Exit.INPUT) from None
    return result.exit


def silence_stdout() -> None:
    """Keep the interpreter from complaining at exit that nobody takes what is left to write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(line: str) -> None:
    """Tell the person at the terminal something on the way: one line on stderr."""
    with suppress(OSError):  # a full disk or a broken pipe ends nothing that only tells of itself
        sys.stderr.write(plain(" ".join(line.split())) + "\n")
        sys.stderr.flush()


class Progress:
    """How far a long task has come, on stderr: redrawn on a terminal, now and then in a log.

    Args:
        total: what counts as the whole.
        now_s: a clock that only goes forward.
    """

    EVERY_S = 10.0
    REDRAW_S = 0.2

    def __init__(self, total: int, now_s: Callable[[], float]) -> None:
        self._total = max(total, 1)
        self._now_s = now_s
        self._live = sys.stderr.isatty()
        self._next_s = now_s() + (self.REDRAW_S if self._live else self.EVERY_S)
        self._drawn = False

    def show(self, done: int, what: str) -> None:
        """Tell how much is done, if it is time to."""
        now = self._now_s()
        if now < self._next_s:
            return
        self._next_s = now + (self.REDRAW_S if self._live else self.EVERY_S)
        percent = min(100, done * 100 // self._total)
        sys.stderr.write(f"\r{percent:3} %  {what}" if self._live else f"{percent} %  {what}\n")
        sys.stderr.flush()
        self._drawn = self._live

    def clear(self) -> None:
        """Take the drawn line away, so that something else can be written."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            self._drawn = False

    def end(self) -> None:
        """Take the drawn line away for good."""
        self.clear()


def show_error(code: str, message: str, *, as_json: bool) -> None:
    """Write one line to stderr, and with `--json` the same as an object to stdout."""
    line = " ".join(message.split())
    sys.stderr.write(plain(f"error: {code}: {line}") + "\n")
    if as_json:
        error = {"error": {"code": code, "message": line}}
        sys.stdout.write(plain(json.dumps(error, ensure_ascii=False)) + "\n")
    sys.stderr.flush()


def table(headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Lay out rows in columns of equal width; numbers stand to the right."""
    cells = [tuple("-" if cell is None else plain(str(cell)) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    right = [all(isinstance(row[i], int) for row in rows) for i in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right and rows else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (headings, *cells)
    )
