"""Changing single keys of a configuration file that a person keeps: their comments stay.

Only what is asked for changes. The result is read back, and refused if it does not say exactly what
was asked, so that an unusual file is left to its owner instead of being mangled.
"""

from __future__ import annotations

import fcntl
import os
import re
import tomllib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from node.config.errors import ConfigInvalidError, ConfigUnreadableError, Problem
from node.config.reading import parse
from node.config.text import toml_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEADER = re.compile(r"^\s*\[")


def with_values(text: str, section: str, values: Mapping[str, Any]) -> str:
    """Give `text` with the keys of one section set, where they stand (commented or not) or added.

    Raises:
        ConfigInvalidError: the file is written in a way that this cannot change safely.
    """
    lines = text.splitlines()
    for key, value in values.items():
        lines = _with_value(lines, section, key, f"{key} = {toml_value(value)}")
    changed = "\n".join(lines) + "\n"
    try:
        right = _says(tomllib.loads(changed), tomllib.loads(text), section, values)
    except ValueError:
        right = False
    if not right:
        wanted = ", ".join(values)
        raise ConfigInvalidError((Problem(f"[{section}]", f"set {wanted} here by hand"),))
    return changed


def _with_value(lines: list[str], section: str, key: str, line: str) -> list[str]:
    header = next((n for n, text in enumerate(lines) if text.strip() == f"[{section}]"), None)
    if header is None:
        return [*lines, "", f"[{section}]", line]
    end = next((n for n in range(header + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    places = range(header + 1, end)
    live = re.compile(rf"\s*{key}\s*=")
    quiet = re.compile(rf"\s*#\s*{key}\s*=")
    for pattern in (live, quiet):
        for number in places:
            if pattern.match(lines[number]):
                return [*lines[:number], line, *lines[number + 1 :]]
    return [*lines[: header + 1], line, *lines[header + 1 :]]


def _says(
    new: dict[str, Any], old: dict[str, Any], section: str, values: Mapping[str, Any]
) -> bool:
    wanted = {**old.get(section, {}), **{key: _plain(value) for key, value in values.items()}}
    return new == {**old, section: wanted}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def change_file(path: Path, section: str, values: Mapping[str, Any]) -> None:
    """Set keys of one section in the file at `path`; it is replaced whole or not at all.

    Two at once change it one after the other, the second what the first left.

    Raises:
        ConfigUnreadableError: it cannot be read or replaced.
        ConfigInvalidError: it would not be valid, or cannot be changed safely.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with _alone(path.parent):
            text = with_values(path.read_text(encoding="utf-8"), section, values)
            parse(text, path)
            mode = path.stat().st_mode & 0o777
            with temporary.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigUnreadableError(
            (Problem(str(path), f"cannot be changed ({reason})"),)
        ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process changes a file there: both have one temporary name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # NFS locks no folder (flock(2)); two writers may meet there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
