"""Log lines: one event name, ids, codes and numbers, to stderr, as JSON or for people.

Every line, also of libraries and of uncaught errors, passes `fields.keep_known`. An exception
becomes its class and the places in our code it passed through; its text is never written. A line
that cannot be written is lost, and nothing else is (`node.telemetry.output`). Use::

    log = logger()
    log.warning("push_refused", peer="nl-eokm", lane="reports", code="stale_epoch")
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from node.telemetry.fields import keep_known
from node.telemetry.output import Output

sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
import structlog  # noqa: E402 - looks for rich, which shows tracebacks: none is ever shown here

if sys.modules.get("rich") is None:
    del sys.modules["rich"]

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

MAX_PLACES = 12
_OURS = {"node", "keys", "protocol"}
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, form: str, member: str, stream: TextIO | None = None) -> None:
    """Set up logging for this process; the last call wins.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `json` or `console`.
        member: stands on every line.
        stream: where to write; stderr if None.
    """
    processors = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _member_adder(member),
        _describe_error,
        _only_known,
        _renderer(form),
    ]
    output = Output(
        stream if stream is not None else sys.stderr,
        lambda lost: _rendered(processors, "log_lines_lost", count=lost),
    )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(_LEVELS[level])


def logger() -> FilteringBoundLogger:
    """Give the logger; before `configure` was called it writes warnings as JSON to stderr."""
    if not structlog.is_configured():
        configure("warning", "json", "unknown")
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def catch_uncaught() -> None:
    """Log errors that end the process or a thread by class and place instead of printing them."""

    def main_thread(
        kind: type[BaseException], error: BaseException, _: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        logger().error("uncaught_error", exc_info=error)

    def other_thread(caught: threading.ExceptHookArgs) -> None:
        logger().error("uncaught_error_in_thread", exc_info=caught.exc_value)

    sys.excepthook = main_thread
    threading.excepthook = other_thread


def log_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the event loop could not hand to anybody (`loop.set_exception_handler`)."""
    logger().error("uncaught_error_in_loop", exc_info=context.get("exception"))


def describe(error: BaseException) -> dict[str, Any]:
    """Give class, code and places of an error, in the forms of the log's fields."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OURS:
            places.append(f"{module}:{trace.tb_lineno}")
        trace = trace.tb_next
    described: dict[str, Any] = {"error_type": type(error).__name__, "trace": places[-MAX_PLACES:]}
    if isinstance(code := getattr(error, "code", None), str):
        described["code"] = code
    return described


def _rendered(processors: list[Any], event: str, **fields: Any) -> str:
    """Give a warning as it is written, past the logger."""
    line: Any = {"event": event, **fields}
    for process in processors:
        line = process(None, "warning", line)
    return str(line)


def _renderer(form: str) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=False)
    return structlog.dev.ConsoleRenderer(colors=False, event_key="event", timestamp_key="time")


def _member_adder(member: str) -> Any:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("member", member)
        return event

    return add


def _describe_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by class and places of the error."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event = {**describe(error), **event}
    return event


def _only_known(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return keep_known(event)


class _ToOurs(logging.Handler):
    """Takes lines of libraries: their texts may hold anything, so only their origin is kept."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log that a library had something to say, and the error's class and places if any."""
        error = record.exc_info[1] if record.exc_info else None
        level = min(_LEVELS.items(), key=lambda pair: abs(pair[1] - record.levelno))[0]
        log = getattr(logger(), level)
        log("library_message", logger=record.name, number=record.lineno, exc_info=error)


def _take_over_libraries(level: int) -> None:
    """Let the standard library's logging end in ours; chatter below warnings is not taken."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _ToOurs):
            root.removeHandler(handler)
    root.addHandler(_ToOurs())
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
