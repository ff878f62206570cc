"""A folder that is long in the making: kept in memory, and put down for each test as its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Kept(NamedTuple):
    """What stood in a folder: mode and bytes of each file and (without bytes) folder, by path."""

    folder: Path
    inside: dict[Path, tuple[int, bytes | None]]

    @classmethod
    def of(cls, folder: Path) -> Kept:
        """Read everything below a folder."""
        return cls(
            folder,
            {
                path.relative_to(folder): (
                    path.stat().st_mode & 0o777,
                    None if path.is_dir() else path.read_bytes(),
                )
                for path in sorted(folder.rglob("*"))
            },
        )

    def put(self, folder: Path) -> None:
        """Write it below another folder; configurations name the new one where they named the old.

        Raises:
            FileExistsError: something stands there already.
        """
        names = os.fsencode(self.folder), os.fsencode(folder)
        for path, (mode, content) in self.inside.items():
            if content is None:
                (folder / path).mkdir(mode)
                continue
            opened = os.open(folder / path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
            with os.fdopen(opened, "wb") as file:
                file.write(content if path.suffix != ".toml" else content.replace(*names))
