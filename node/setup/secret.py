"""Where the secret that unlocks key files lies: made beside a directory, never inside it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keys.unlock import new_secret_file

if TYPE_CHECKING:
    from collections.abc import Iterator


def default_setting(directory: Path) -> str:
    """Give the setting for a new directory: a file beside it, `DIRECTORY.unlock`."""
    return f"file:{directory.with_name(directory.name + '.unlock')}"


@contextmanager
def ensured(setting: str) -> Iterator[bool]:
    """Make the secret if it is to be a file and there is none; say whether it was made.

    What was made is removed again if the body fails.

    Args:
        setting: `file:PATH`, `env:NAME` or `command:...`, as the configuration gives it.

    Raises:
        KeysError: the file cannot be made, or its directory is not safe.
    """
    scheme, _, argument = setting.partition(":")
    path = Path(argument)
    if scheme != "file" or path.exists():
        yield False
        return
    new_secret_file(path)
    try:
        yield True
    except BaseException:
        path.unlink(missing_ok=True)
        raise
