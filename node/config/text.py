"""The configuration as text: the table of keys for the documentation, and a commented file.

Both are made from the declarations in `node.config.sections`, so that neither can lag behind.
"""

from __future__ import annotations

import textwrap
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from node.config.sections import section_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import Field

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One row of the documented table: `default` is TOML text, `required`, or names its origin."""

    section: str
    key: str
    kind: str
    default: str
    meaning: str


def documented_keys() -> tuple[KeyDoc, ...]:
    """Give every key of the configuration, in the order of the file."""
    return tuple(
        KeyDoc(
            name, item.name, item.metadata["kind"].name, _default(item), item.metadata["meaning"]
        )
        for name, section in section_types().items()
        for item in fields(section)
    )


def _default(item: Field[Any]) -> str:
    if item.metadata["derived"]:
        return _quoted(item.metadata["derived"])
    return "required" if item.default is MISSING else toml_value(item.default)


def toml_value(value: Any) -> str:
    """Write a value as TOML; None is shown as `none` (such a key is left out of the file)."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return "[" + ", ".join(toml_value(entry) for entry in value) + "]"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def render(values: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a commented configuration file that sets `values` (section -> key -> TOML value).

    Keys not given stand in it as comments with their defaults. Lists of tables (the databases) are
    not written here: their key stands as a comment.

    Raises:
        KeyError: a section or key that does not exist.
    """
    types = section_types()
    for name, keys in values.items():
        unknown = set(keys) - {item.name for item in fields(types[name])}
        if unknown:
            raise KeyError(min(unknown))
    parts = ["# Configuration of one exchange node. Relative paths count from this file.\n"]
    for name, section in types.items():
        parts.append(f"\n[{name}]\n")
        for item in fields(section):
            parts.extend(_render_key(item, values.get(name, {})))
    return "".join(parts)


def _render_key(item: Field[Any], given: Mapping[str, Any]) -> Iterator[str]:
    for line in textwrap.wrap(item.metadata["meaning"].replace("`", ""), _WIDTH):
        yield f"# {line}\n"
    if item.name in given:
        yield f"{item.name} = {toml_value(given[item.name])}\n"
    else:
        yield f"# {item.name} = {_default(item)}\n"
