"""A software token, SoftHSM2, for tests of what signs in an HSM. `tests/parts` fetches it.

The module reads its configuration from the environment when it is started in a process. So there is
one folder of tokens for a test run, and each test has a token of its own in it.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pkcs11
from pkcs11 import Session

from keys.hsm import PATIENCE_S, Hsm

ROOT: Final = Path(__file__).resolve().parents[2]
PIN: Final = "a-pin-of-a-test"
_PLACES: Final = (ROOT / ".parts" / "softhsm2", Path("/"))
_LIBRARIES: Final = (
    "usr/lib/softhsm/libsofthsm2.so",
    "usr/lib64/pkcs11/libsofthsm2.so",
    "usr/lib64/softhsm/libsofthsm.so",
)


_HOLD: Final = """
import fcntl, sys
held = [open(name, "r+b") for name in sys.argv[1:]]
for one in held:
    fcntl.lockf(one, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class SoftHsm:
    """Where SoftHSM2 stands on this machine, and the folder of this run's tokens."""

    library: Path
    tool: Path
    folder: Path

    def token(self, label: str | None = None) -> str:
        """Make a token and return its label."""
        label = label or f"token-{next(_numbers)}"
        pins = ("--pin", PIN, "--so-pin", "a-pin-of-an-officer")
        command = (self.tool, "--module", self.library, "--init-token", "--free", "--label", label)
        subprocess.run([*command, *pins], check=True, capture_output=True)
        return label

    def log_out(self) -> None:
        """End all sessions of this process, as if it had ended: a login holds for all of them."""
        pkcs11.lib(str(self.library)).reinitialize()

    @contextmanager
    def opened(self, label: str) -> Iterator[Session]:
        """Open a token as somebody who works in it by hand."""
        self.log_out()
        module = pkcs11.lib(str(self.library))
        with module.get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
            yield session

    def uri(self, label: str) -> str:
        """Return the URI of a token, as a configuration has it."""
        return f"pkcs11:token={label}?module-path={self.library}"

    def hsm(self, label: str, pin: str = PIN, patience_s: float = PATIENCE_S) -> Hsm:
        """Return a token as the node opens it."""
        variable = "HOTLINE_TEST_PIN" if pin == PIN else "HOTLINE_TEST_WRONG_PIN"
        os.environ[variable] = pin  # whatever is opened again later reads it again
        made = Hsm.from_config(self.uri(label), f"env:{variable}")
        made.patience_s = patience_s
        return made

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let every call into the module stand still for a while, as a device that hangs does.

        SoftHSM2 locks the files of its tokens at each call; another process holds the locks.
        """
        files = [str(path) for path in self.tokens.rglob("*") if path.is_file()]
        command = [sys.executable, "-c", _HOLD, *files]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            try:
                yield
            finally:
                holder.stdin.close()

    @property
    def tokens(self) -> Path:
        """Where the tokens lie: moved away, all of them are pulled out."""
        return self.folder / "tokens"


def find_softhsm(folder: Path) -> SoftHsm | None:
    """Set SoftHSM2 up with an empty folder of tokens; None if this machine has none."""
    for place in _PLACES:
        tool = place / "usr/bin/softhsm2-util"
        for library in (place / name for name in _LIBRARIES):
            if library.exists() and tool.exists():
                return _set_up(SoftHsm(library.resolve(), tool, folder))
    return None


def _set_up(found: SoftHsm) -> SoftHsm:
    found.tokens.mkdir()
    config = found.folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {found.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(config)
    return found


_numbers = itertools.count(1)
