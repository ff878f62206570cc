"""`hotline hash FILE...`: content hashes for those who hold files. Nothing is stored or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from node.cli.exits import Exit
from node.cli.output import Result, note
from node.interchange.errors import UnreadableFileError
from node.interchange.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def hash_files(paths: Sequence[Path]) -> Result:
    """Hash each file; one that cannot be read is named and the others go on."""
    files, failed = [], 0
    for path in paths:
        try:
            found = hash_file(path)
        except UnreadableFileError as error:
            note(f"{path}: {error}")
            files.append({"file": str(path), "error": str(error)})
            failed += 1
            continue
        if found.warning:
            note(f"{path}: {found.warning}")
        files.append({"file": str(path), **msgspec.to_builtins(found.hashes)})
    text = "\n\n".join(_text(entry) for entry in files if "error" not in entry)
    return Result({"files": files}, text, Exit.INPUT if failed else Exit.OK)


def _text(entry: dict[str, str]) -> str:
    names = [name for name in entry if name != "file"]
    return "\n".join([entry["file"], *(f"  {name:<7} {entry[name]}" for name in names)])
