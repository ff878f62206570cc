"""The secret that unlocks the key files, or an HSM: by file, environment or command.

The secret is a *random key* of 32 bytes or more, such as `openssl rand -base64 32` prints; it is
not a password and is not stretched like one (`keys.armour`). The setting says where it is kept:

    file:/run/credentials/hotline/unlock    a file that only its owner can read
    env:HOTLINE_UNLOCK                      an environment variable
    command:/usr/bin/kms-unwrap /etc/k.bin  the standard output of a command (run without a shell)

One newline at the end of what a file or command gives is not part of the secret, unless without it
fewer than 32 bytes remain (a raw key may end in any byte). The PIN of an HSM is had in the same
three ways; it is what its maker takes as one, text without its line end.
"""

import os
import secrets
import shlex
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self, get_args

from keys.errors import UnreadableKeyError
from keys.keyfile import make_directory, read_private, write_held

MIN_SECRET_BYTES: Final = 32
# PKCS#8 encryption takes passwords below 1024 bytes.
MAX_SECRET_BYTES: Final = 1000
COMMAND_TIMEOUT_S: Final = 30.0
MAX_PIN_CHARACTERS: Final = 255
Source = Literal["file", "env", "command"]
_SOURCES: Final[tuple[Source, ...]] = get_args(Source)


@dataclass(frozen=True, slots=True)
class Unlock:
    """Where the unlocking secret comes from. Holds no secret itself.

    Attributes:
        source: `file`, `env` or `command`.
        argument: path, name of the variable, or command line.
        environment: where variables are looked up.
        name: what messages call the setting.
    """

    source: Source
    argument: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    name: str = field(default="unlock", repr=False)

    @classmethod
    def from_config(
        cls, setting: str, environment: Mapping[str, str] | None = None, name: str = "unlock"
    ) -> Self:
        """Read the setting.

        Args:
            setting: `file:PATH`, `env:NAME` or `command:COMMAND LINE`.
            environment: where variables are looked up; the process's own if not given.
            name: what messages call the setting.

        Raises:
            UnreadableKeyError: another form.
        """
        scheme, _, argument = setting.partition(":")
        source = next((known for known in _SOURCES if known == scheme), None)
        if source is None or not argument:
            raise UnreadableKeyError(f"{name}: needs file:PATH, env:NAME or command:COMMAND LINE")
        return cls(source, argument, os.environ if environment is None else environment, name)

    def secret(self) -> bytes:
        """Fetch the secret: 32 to 1000 bytes.

        Raises:
            UnreadableKeyError: it cannot be had, or is too short or too long.
            UnsafeKeyFileError: others could read the file that holds it.
        """
        raw = self._given()
        secret = raw if self.source == "env" else _without_newline(raw)
        if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
            raise UnreadableKeyError(
                f"{self.name}: the {self.source} gives {len(secret)} bytes; it needs a random key "
                f"of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, such as: "
                "openssl rand -base64 32"
            )
        return secret

    def pin(self) -> str:
        """Fetch the PIN of an HSM: 1 to 255 characters on one line.

        Raises:
            UnreadableKeyError: it cannot be had, or is no line of text.
            UnsafeKeyFileError: others could read the file that holds it.
        """
        try:
            pin = self._given().decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            pin = ""
        if not 1 <= len(pin) <= MAX_PIN_CHARACTERS or not pin.isprintable():
            raise UnreadableKeyError(
                f"{self.name}: the {self.source} gives no PIN: one line of 1 to "
                f"{MAX_PIN_CHARACTERS} characters"
            )
        return pin

    def _given(self) -> bytes:
        readers = {
            "file": self._from_file,
            "env": self._from_environment,
            "command": self._from_command,
        }
        return readers[self.source]()

    def _from_file(self) -> bytes:
        return read_private(Path(self.argument), root_may_share=True)

    def _from_environment(self) -> bytes:
        value = self.environment.get(self.argument)
        if value is None:
            raise UnreadableKeyError(f"{self.name}: the environment variable it names is not set")
        return os.fsencode(value)

    def _from_command(self) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  # the operator's own configuration names it
                shlex.split(self.argument),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        except (OSError, ValueError):
            raise UnreadableKeyError(
                f"{self.name}: the command cannot be run; check its path"
            ) from None
        except subprocess.TimeoutExpired:
            raise UnreadableKeyError(
                f"{self.name}: the command gave no answer within {COMMAND_TIMEOUT_S:.0f} s"
            ) from None
        if done.returncode:
            raise UnreadableKeyError(
                f"{self.name}: the command failed with status {done.returncode}"
            )
        return done.stdout


def new_secret_file(path: Path) -> int:
    """Make a new unlocking secret, 32 random bytes in base64, in a file for its owner only.

    Returns the file, open, and locked before it had its name: nobody writes a key under it that its
    maker does not know of, while it may go again.

    Raises:
        KeyExistsError: a file of that name is there.
        UnsafeKeyFileError: others may write to its directory, or it cannot be written to.
    """
    make_directory(path.parent)
    return write_held(path, b64encode(secrets.token_bytes(MIN_SECRET_BYTES)) + b"\n")


def _without_newline(raw: bytes) -> bytes:
    stripped = raw.removesuffix(b"\n").removesuffix(b"\r")
    return stripped if len(stripped) >= MIN_SECRET_BYTES else raw
