"""The fields a log line may have, and the form each must have. All else is dropped and counted.

The rule of the house is that no log line ever contains a URL, a content hash or personal data. A
rule that people must remember fails on the day of an incident; so the last step before a line is
written keeps only fields of this table whose value has the field's form. The forms are chosen so
that neither an address nor a host name nor a run of hash digits fits into any of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Form = Callable[[Any], bool]

MAX_WORD = 48
_WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_MEMBER = re.compile(r"[a-z0-9]{1,16}(?:-[a-z0-9]{1,16}){0,3}")
_ITEM = re.compile(r"[a-z0-9]{1,16}(?:-[a-z0-9]{1,16}){0,3}\.[0-9A-HJKMNP-TV-Z]{26}")
_MODULE = re.compile(r"(?:node|keys|protocol|aiohttp|asyncio|tuf)(?:\.[a-z_][a-z0-9_]*)*")
_PLACE = re.compile(_MODULE.pattern + r":\d{1,5}")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{2,47}")
_ROUTE = re.compile(r"/(?:[a-z0-9_.]{1,24}|\{[a-z_]{1,24}\}|/)*")
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}(?:(?:a|b|rc|\.dev)\d{1,3})?")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z")
_HASH_LIKE = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{12,}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")


def _text(pattern: re.Pattern[str], limit: int = MAX_WORD) -> Form:
    """Accept text of at most `limit` characters that matches in full and holds no run of hex."""

    def fits(value: Any) -> bool:
        return (
            isinstance(value, str)
            and len(value) <= limit
            and pattern.fullmatch(value) is not None
            and _HASH_LIKE.search(value) is None
        )

    return fits


def _exactly(pattern: re.Pattern[str]) -> Form:
    """Accept text that matches in full, hexadecimal or not."""
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(value: Any) -> bool:
    """Accept a finite number up to 2**53; larger ones could carry bytes."""
    return isinstance(value, int | float) and -(2**53) <= value <= 2**53


def _places(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_text(_PLACE, 80)(entry) for entry in value)


WORD = _text(_WORD)
NUMBER: Form = _number
MEMBER = _text(_MEMBER)

FIELDS: Mapping[str, Form] = {
    "event": WORD,
    "level": WORD,
    "time": _exactly(_TIME),
    "member": MEMBER,
    "peer": MEMBER,
    "item": _exactly(_ITEM),
    "report": _exactly(_ITEM),
    "lane": WORD,
    "direction": WORD,
    "kind": NUMBER,
    "code": WORD,
    "state": WORD,
    "verb": WORD,
    "purpose": WORD,
    "loop": WORD,
    "listener": WORD,
    "method": WORD,
    "route": _text(_ROUTE, 100),
    "status": NUMBER,
    "count": NUMBER,
    "size": NUMBER,
    "index": NUMBER,
    "attempt": NUMBER,
    "duration_ms": NUMBER,
    "retry_ms": NUMBER,
    "age_s": NUMBER,
    "port": NUMBER,
    "pid": NUMBER,
    "number": NUMBER,
    "key_id": _exactly(_KEY_ID),
    "version": _text(_VERSION),
    "error_type": _text(_CLASS),
    "place": _text(_PLACE, 80),
    "trace": _places,
    "logger": _text(_MODULE, 80),
}
"""Field name -> its form. `item` and `report` ids and `key_id` name public things, not contents."""


def keep_known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the fields of the table whose value has its form; `dropped` counts the others."""
    kept = {
        name: value
        for name, value in values.items()
        if value is None or (name in FIELDS and FIELDS[name](value))
        if name in FIELDS
    }
    dropped = len(values) - len(kept)
    if "event" not in kept:
        kept["event"] = "unnamed"
    return {**kept, "dropped": dropped} if dropped else kept
