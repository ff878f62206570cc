"""`hotline hash FILE...`: content hashes for those who hold files. Nothing is stored or sent.

Each file's hashes are one JSON object, to be pasted as `hashes` of an item. PDQ is not computed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
    files: list[dict[str, Any]] = []
    texts: list[str] = []
    failed = 0
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
        hashes = msgspec.to_builtins(found.hashes)
        files.append({"file": str(path), "hashes": hashes})
        texts.append(f"{path}\n{json.dumps(hashes)}")
    data = {"files": files, "not_computed": ["pdq"]}
    return Result(data, "\n".join(texts), Exit.INPUT if failed else Exit.OK)
