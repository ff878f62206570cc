"""From the typed words to an exit code; every error becomes one line.

Rules: our own errors show their code, field and mend; anything else shows only its kind and the
place in our code, because its text could hold a URL or a hash. Tracebacks appear only with
`--debug`. Ctrl-C ends with 130 and no noise.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Protocol, cast

from node.cli.exits import Exit, exit_of
from node.cli.output import show_error, silence_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence


_FOREIGN = re.compile(r"Value error, .* is not one of", re.DOTALL)
"""How the parser speaks of a word that is not in a list."""
_SHORT = 6
"""Typed words up to this length are repeated in a usage message (verbs, numbers)."""


class _UsageError(Protocol):
    def format_message(self) -> str: ...


def run(arguments: Sequence[str]) -> int:
    """Run one command; give its exit code.

    Args:
        arguments: the words after `hotline`.
    """
    as_json, debug = "--json" in arguments, "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
        return Exit.OK
    except Exception as error:
        if debug:
            raise
        return _report(error, as_json=as_json)


def _dispatch(words: list[str]) -> int:
    from typer import Abort, TyperException

    from node.cli.app import app
    from node.cli.verbs import with_only

    needed = with_only(app, words[0] if words else None)
    try:
        code = needed(args=words, prog_name="hotline", standalone_mode=False)
    except TyperException as error:
        return _report_usage(error, words)
    except Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else Exit.OK


def _report_usage(error: Exception, words: list[str]) -> int:
    """Show a mistake in the command line. No words at all is a request for help, not a mistake."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(cast("_UsageError", error).format_message() + "\n")
        return Exit.USAGE
    where = getattr(getattr(error, "ctx", None), "command_path", "hotline")
    said = _FOREIGN.sub("write one of", cast("_UsageError", error).format_message())
    text = _without_values(said, words)
    show_error("usage", f"{where}: {text} ({where} --help)", as_json="--json" in words)
    return Exit.USAGE


def _without_values(text: str, words: list[str]) -> str:
    """Take what was typed as a value out of a message: it may be an address under report."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        if len(value) > _SHORT:
            text = text.replace(value, "...")
    return text


def _report(error: Exception, *, as_json: bool) -> int:
    code = exit_of(error)
    if code is not None:
        show_error(str(getattr(error, "code", "error")), str(error), as_json=as_json)
        return code
    if isinstance(error, OSError):
        return _report_system(error, as_json=as_json)
    show_error(
        "internal", f"{_place(error)}; run again with --debug and report it", as_json=as_json
    )
    return Exit.INTERNAL


def _report_system(error: OSError, *, as_json: bool) -> int:
    """Show what the operating system refused, with the path but never with other contents."""
    name = error.filename if isinstance(error.filename, str | os.PathLike) else "system"
    message = f"{name}: {error.strerror or type(error).__name__}; check path, owner and space"
    show_error("system", message, as_json=as_json)
    return Exit.INPUT


def _place(error: BaseException) -> str:
    """Say what kind of error came from which line of ours, without its text."""
    trace, place = error.__traceback__, "unknown place"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in {"keys", "protocol", "node"}:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} in {place}"
