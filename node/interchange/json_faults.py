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
_JSON_NAMES: Final = {
    inspect.StrType: "a text",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
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
    return Fault("unknown_field", field, f"{subject}; known are {', '.join(known)}")


def _missing(what: str, path: str) -> Fault | None:
    match = _MISSING.match(what)
    if match is None:
        return None
    return Fault("missing", _named(path, match["name"]), "is missing")


def _invalid(what: str, path: str, node: inspect.Type) -> Fault:
    own = _OWN_RULE.match(what)
    if own is not None:
        return Fault("invalid_value", _named(path, own["field"]), own["mend"])
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
    while isinstance(node, inspect.Metadata):
        node = node.type
    if isinstance(node, inspect.UnionType):
        others = [one for one in node.types if not isinstance(one, inspect.NoneType)]
        if len(others) == 1:
            return _present(others[0])
    return node


def describe(node: inspect.Type) -> str:
    """Say in words which JSON values a type takes."""
    if isinstance(node, inspect.EnumType):
        return "one of " + ", ".join(str(member.value) for member in node.cls)
    if isinstance(node, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in node.values)
    words = _JSON_NAMES.get(type(node), "of the documented type")
    return words + _bounds(node)


def _bounds(node: inspect.Type) -> str:
    if isinstance(node, inspect.IntType):
        return _range(node.ge, node.le, "from", "to")
    if isinstance(node, inspect.StrType):
        if node.pattern is not None:
            return f" of the form {node.pattern}"
        return _range(node.min_length, node.max_length, "of at least", "of at most", " characters")
    if isinstance(node, inspect.VarTupleType | inspect.ListType):
        return _range(node.min_length, node.max_length, "of at least", "of at most", " entries")
    return ""


def _range(low: int | None, high: int | None, least: str, most: str, unit: str = "") -> str:
    parts = [f"{least} {low}"] if low else []
    if high is not None:
        parts.append(f"{most} {high}")
    return " " + " and ".join(parts) + unit if parts else ""
