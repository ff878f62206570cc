"""What is wrong with a JSON document, in our words: code, field, mend, and never the value.

msgspec's own messages repeat enum values and unknown names. Here the path of the fault is kept, and
the mend is made from the type that belongs at that path.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from node.casework.reports.draft import LINES, ONE_LINE
from node.interchange.json_numbers import NamedTwiceError
from protocol import fields


class Fault(NamedTuple):
    """What is wrong: a stable code, the path of the field (None: the document), the mend."""

    code: str
    field: str | None
    mend: str


_WHERE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?\Z", re.DOTALL)
_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(?P<name>.*)`\Z", re.DOTALL)
_MISSING: Final = re.compile(r"^Object missing required field `(?P<name>[A-Za-z0-9_]+)`\Z")
_OWN_RULE: Final = re.compile(r"^(?P<field>[a-z_]+): (?P<mend>.+)\Z", re.DOTALL)
# A name that can be repeated: no digits (hashes), no dots or slashes (addresses), not long.
_PLAIN: Final = re.compile(r"^[A-Za-z][A-Za-z_-]{0,31}\Z")
_STEP: Final = re.compile(r"\.(?P<name>[A-Za-z0-9_]+)|\[(?P<index>\d+|\.\.\.)\]")
# Said of the patterns that have no description of their own, for which these are the protocol's.
_WORDS: Final = {
    fields.MEMBER_PATTERN: "a member id such as gb-iwf",
    fields.SUBJECT_PATTERN: "an id that a node gave: a member id, a dot and 26 characters",
    fields.CODE_PATTERN: "1 to 64 lower-case letters, digits, `_`, `.`, `:` and `-`,"
    " with a letter or digit first",
    fields.COUNTRY_PATTERN: "two capital letters of ISO 3166-1 (GB for the United Kingdom, GR for"
    " Greece)",
}
_NO_CONTROL: Final = frozenset({ONE_LINE, LINES})
_JSON_NAMES: Final = {
    inspect.StrType: "a text",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a time that there is, with its offset, such as 2026-11-23T18:00:00Z",
    inspect.StructType: "an object",
    inspect.VarTupleType: "an array",
    inspect.ListType: "an array",
    inspect.NoneType: "null",
}


def explain(error: Exception, expected: type) -> Fault:
    """Turn what a `msgspec.json.Decoder(expected)` raised into a fault."""
    if isinstance(error, RecursionError):
        return Fault("bad_json", None, "is nested too deeply")
    if isinstance(error, UnicodeError):
        return Fault("bad_json", None, "must be UTF-8")
    if isinstance(error, NamedTwiceError):
        name = error.name if _PLAIN.match(error.name) else None
        return Fault("field_twice", name, "stands twice in one object; leave one of them away")
    if not isinstance(error, msgspec.ValidationError):
        return Fault("bad_json", None, "must be one complete JSON value")
    match = _WHERE.match(str(error))
    assert match is not None
    what, path = match["what"], (match["path"] or "")
    node = _at(_type_info(expected), path)
    return _unknown(what, path, node) or _missing(what, path) or _invalid(what, path, node)


@cache
def _type_info(expected: type) -> inspect.Type:
    """Look the type up once: building this tree takes longer than decoding a thousand bodies."""
    return inspect.type_info(expected)


def _unknown(what: str, path: str, node: inspect.Type) -> Fault | None:
    match = _UNKNOWN.match(what)
    if match is None:
        return None
    known = [f.encode_name for f in node.fields] if isinstance(node, inspect.StructType) else []
    plain = _PLAIN.match(match["name"]) is not None
    field = _named(path, match["name"]) if plain else _shown(path)
    subject = "is not a field" if plain else "has a field that is not known"
    mend = f"known are {', '.join(known)}" if known else "none is known here, leave it away"
    return Fault("unknown_field", field, f"{subject}; {mend}")


def _missing(what: str, path: str) -> Fault | None:
    match = _MISSING.match(what)
    if match is None:
        return None
    return Fault("missing", _named(path, match["name"]), "is missing")


def _invalid(what: str, path: str, node: inspect.Type) -> Fault:
    own = _OWN_RULE.match(what)
    if own is not None:
        return Fault("invalid_value", _named(path, own["field"]), own["mend"])
    if _pattern(node) in _NO_CONTROL and "matching regex" in what:
        mend = "holds a control character (such as NUL); remove it"
        return Fault("control_character", _shown(path), mend)
    return Fault("invalid_value", _shown(path), f"must be {describe(node)}")


def _shown(path: str) -> str | None:
    return path.removeprefix(".") or None


def _named(path: str, name: str) -> str:
    return f"{path}.{name}".removeprefix(".")


def _at(node: inspect.Type, path: str) -> inspect.Type:
    """Return the type that belongs at `path`."""
    for step in _STEP.finditer(path):
        node = _present(node)
        if step["name"] is not None and isinstance(node, inspect.StructType):
            names = {field.encode_name: field.type for field in node.fields}
            node = names.get(step["name"], inspect.AnyType())
        elif isinstance(node, inspect.VarTupleType | inspect.ListType):
            node = node.item_type
    return _present(node)


def _present(node: inspect.Type) -> inspect.Type:
    """Return the type that an optional value has when it is there."""
    while isinstance(node, inspect.Metadata) and _pattern(node) is None:
        node = node.type
    if isinstance(node, inspect.UnionType):
        others = [one for one in node.types if not isinstance(one, inspect.NoneType)]
        if len(others) == 1:
            return _present(others[0])
    return node


def _pattern(node: inspect.Type) -> str | None:
    plain = node.type if isinstance(node, inspect.Metadata) else node
    return plain.pattern if isinstance(plain, inspect.StrType) else None


def describe(node: inspect.Type) -> str:
    """Say in words which JSON values a type takes; a pattern in those of its description."""
    if isinstance(node, inspect.Metadata):
        return str((node.extra_json_schema or {}).get("description") or describe(node.type))
    if isinstance(node, inspect.EnumType):
        return "one of " + ", ".join(str(member.value) for member in node.cls)
    if isinstance(node, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in node.values)
    pattern = _pattern(node)
    if pattern is not None and pattern not in _NO_CONTROL:
        return _WORDS.get(pattern, "a text of the documented form")
    words = _JSON_NAMES.get(type(node), "of the documented type")
    return words + _bounds(node)


def _bounds(node: inspect.Type) -> str:
    if isinstance(node, inspect.IntType):
        return _range(node.ge, node.le, "from {} to {}", "of at least {}", "of at most {}")
    if isinstance(node, inspect.StrType):
        return _length(node.min_length, node.max_length, "characters")
    if isinstance(node, inspect.VarTupleType | inspect.ListType):
        return _length(node.min_length, node.max_length, "entries")
    return ""


def _length(low: int | None, high: int | None, unit: str) -> str:
    words = ("of {} to {} ", "of at least {} ", "of at most {} ")
    both, least, most = (text + unit for text in words)
    return _range(low or None, high, both, least, most)


def _range(low: int | None, high: int | None, both: str, least: str, most: str) -> str:
    if low is not None and high is not None:
        return " " + both.format(low, high)
    if low is not None:
        return " " + least.format(low)
    return " " + most.format(high) if high is not None else ""
