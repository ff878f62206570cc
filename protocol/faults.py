"""Naming the field that is at fault in a message, without its value.

msgspec says where a value is by positions (`$[5][0]`) and quotes some values. What leaves this
module is `item.content.0.sha256: <what must hold>`, safe for logs and for the other side, where
the field travels as the reason of a disposition (docs/protocol.md §10.1).
"""

import re
from functools import cache
from typing import Final

import msgspec
from msgspec import inspect

from protocol.errors import MalformedError

_PATH: Final = re.compile(r"^(?P<mend>.*?)(?: - at `\$(?P<path>[^`]*)`)?\Z", re.DOTALL)
_OWN_RULE: Final = re.compile(r"^(?P<field>[a-z0-9_]+): (?P<mend>.*)\Z", re.DOTALL)


def label(message: object) -> str:
    """Return the name of a message type, or of a message's type, as it is written in errors."""
    name = message.__name__ if isinstance(message, type) else type(message).__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def explain(message: type[msgspec.Struct], error: Exception) -> MalformedError:
    """Turn a decoder's error into one that names the field and keeps its value out."""
    if not isinstance(error, msgspec.ValidationError):
        return MalformedError(label(message), "must be complete MessagePack with valid UTF-8")
    match = _PATH.match(str(error))
    assert match is not None
    field = label(message) + _field_names(message, match["path"] or "")
    mend = match["mend"]
    own = _OWN_RULE.match(mend)
    if own is not None:
        return MalformedError(f"{field}.{own['field']}", own["mend"])
    if mend.startswith("Invalid enum value"):
        mend = "must be one of the listed words"
    return MalformedError(field, mend[:1].lower() + mend[1:])


@cache
def _type_info(message: type[msgspec.Struct]) -> inspect.Type:
    """Look at a message's type once: a hostile peer may send faults at any rate."""
    return inspect.type_info(message)


def _field_names(message: type[msgspec.Struct], path: str) -> str:
    """Turn positions such as `[6][0][1]` into `.content.0.sha1`; places in a list from 0 on."""
    node = _type_info(message)
    names = ""
    for position in re.findall(r"\[(\d+|\.\.\.)\]", path):
        node = _present(node)
        if isinstance(node, inspect.StructType):
            field = node.fields[int(position)]
            names += f".{field.name}"
            node = field.type
        elif isinstance(node, inspect.VarTupleType):
            names += f".{position}"
            node = node.item_type
    return names


def _present(node: inspect.Type) -> inspect.Type:
    """Return the type that an optional field has when it is present."""
    while isinstance(node, inspect.UnionType | inspect.Metadata):
        if isinstance(node, inspect.Metadata):
            node = node.type
        else:
            node = next(one for one in node.types if not isinstance(one, inspect.NoneType))
    return node
