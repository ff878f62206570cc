"""Where the secret that unlocks key files lies: made beside a directory, never inside it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keys.errors import KeyExistsError, UnreadableKeyError
from keys.unlock import new_secret_file

if TYPE_CHECKING:
    from collections.abc import Iterator


def default_setting(directory: Path) -> str:
    """Give the setting for a new directory: a file beside it, `DIRECTORY.unlock`."""
    return f"file:{directory.with_name(directory.name + '.unlock')}"


@contextmanager
def ensured(setting: str) -> Iterator[bool]:
    """Make the secret if it is to be a file and there is none; say whether it was made.

    What was made is removed again if the body fails. Whoever else needs it at that time waits: no
    key may be written under a secret that goes.

    Args:
        setting: `file:PATH`, `env:NAME` or `command:...`, as the configuration gives it.

    Raises:
        KeysError: the file cannot be made, or its directory is not safe.
    """
    scheme, _, argument = setting.partition(":")
    if scheme != "file":
        yield False
        return
    path = Path(argument)
    descriptor, made = _held(path)
    try:
        yield made
    except BaseException:
        if made:
            path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _held(path: Path) -> tuple[int, bool]:
    """Make the secret, or find it; locked: alone by whoever made it, else with all who use it."""
    while True:
        if not path.exists():
            with suppress(KeyExistsError):  # another was faster
                return new_secret_file(path), True
        descriptor = _opened(path)
        if descriptor is None:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor, False
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    """Open the secret to hold it; None: it went again."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None
        raise UnreadableKeyError(f"{path}: cannot be read ({error.strerror})") from None
