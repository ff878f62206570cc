"""Private keys on disk: the only module that reads or writes private key material in files.

* Nobody but the owner can read a key file, at any instant: it is made with mode 0600 under a
  temporary name, written, synced, and only then linked to its name; the directory is synced too.
* A key file is never overwritten by a new one: linking fails where a file stands. A successor that
  was kept beside it before may take its place (`rename`).
* What others could have read or replaced is refused on reading: symbolic links, files that are not
  regular, another owner, any permission for group or others, a directory others may write to.

The messages name the file and the command that mends it. What a file holds: `keys.armour`.
"""

import fcntl
import os
import re
import secrets
import ssl
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from keys import armour
from keys.errors import KeyExistsError, UnreadableKeyError, UnsafeKeyFileError
from keys.hsm_key import Token
from keys.sealing import SealingKey
from keys.signing import SigningKey
from keys.tls import TlsKey

MAX_FILE_BYTES: Final = 65_536
FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
_GROUP_READ: Final = 0o040
_ATTEMPT: Final = re.compile("[0-9a-f]{16}")

PrivateMaterial = SigningKey | SealingKey | TlsKey | bytes
_Key = TypeVar("_Key")


def save(path: Path, key: PrivateMaterial, passphrase: bytes, purpose: str) -> None:
    """Write a key to a new file, durably, readable by its owner only.

    Args:
        path: must not exist; its directory must belong to us alone.
        key: a key, or a secret of 32 bytes.
        passphrase: the unlocking secret, at least 32 random bytes (`keys.unlock`).
        purpose: bound to the file; reading it for another purpose fails.

    Raises:
        KeyExistsError: a file of that name is there.
        UnsafeKeyFileError: others may write to the directory, or it is not there.
    """
    match key:
        case SigningKey():
            raw = armour.encode_signing(key, passphrase, purpose)
        case TlsKey():
            raw = armour.encode_tls(key, passphrase, purpose)
        case SealingKey():
            raw = armour.encode_secret(key.private_seed(), passphrase, purpose)
        case _:
            raw = armour.encode_secret(key, passphrase, purpose)
    write_private(path, raw)


def load_signing_key(
    path: Path, passphrase: bytes, purpose: str, token: Token | None = None
) -> SigningKey:
    """Read a signing key; `token` holds the half that is not in the file, where there is one.

    Raises:
        UnreadableKeyError: not found, damaged, another purpose, or another secret.
        UnsafeKeyFileError: somebody else could have read or replaced it.
    """
    return _load(path, passphrase, purpose, partial(armour.decode_signing, token=token))


def load_tls_key(path: Path, passphrase: bytes, purpose: str) -> TlsKey:
    """Read a TLS key with its certificate. Raises: as `load_signing_key`."""
    return _load(path, passphrase, purpose, armour.decode_tls)


def load_sealing_key(path: Path, passphrase: bytes, purpose: str) -> SealingKey:
    """Read a sealing key. Raises: as `load_signing_key`."""
    return SealingKey.from_seed(_load(path, passphrase, purpose, armour.decode_secret))


def load_secret(path: Path, passphrase: bytes, purpose: str) -> bytes:
    """Read a secret of 32 bytes. Raises: as `load_signing_key`."""
    return _load(path, passphrase, purpose, armour.decode_secret)


def make_directory(path: Path) -> None:
    """Make a directory for keys, open to its owner only; one that is there must be safe.

    Raises:
        UnsafeKeyFileError: it cannot be made, or others may write to it.
    """
    try:
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeKeyFileError(f"{path}: cannot be made ({error.strerror})") from None
    _sync_directory(path.parent)
    check_directory(path)


def check_directory(path: Path) -> None:
    """Refuse a directory in which somebody else could replace a key file.

    Raises:
        UnsafeKeyFileError: says what to change.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnsafeKeyFileError(f"{path}: cannot be used ({error.strerror})") from None
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeKeyFileError(f"{path}: is not a directory")
    _check_owner(path, status, os.geteuid())
    if status.st_mode & _OTHERS_WRITE:
        raise UnsafeKeyFileError(f"{path}: others may replace keys in it; run: chmod 700 {path}")


def write_private(path: Path, raw: bytes) -> None:
    """Write a new file for its owner only, whole or not at all, durably.

    Raises:
        KeyExistsError: a file of that name is there.
        UnsafeKeyFileError: others may write to the directory, or it cannot be written to.
    """
    os.close(_write_named(path, raw))


def write_held(path: Path, raw: bytes) -> int:
    """Write as `write_private` does; return the file, open, and locked before it had its name.

    Raises:
        KeyExistsError, UnsafeKeyFileError: as `write_private`.
    """
    return _write_named(path, raw, lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX))


def _write_named(
    path: Path, raw: bytes, hold: Callable[[int], None] = lambda _descriptor: None
) -> int:
    check_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_synced(temporary, raw)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CLOEXEC)  # NFS locks no other
        try:
            hold(descriptor)
            os.link(temporary, path, follow_symlinks=False)
        except BaseException:
            os.close(descriptor)
            raise
    except FileExistsError:
        raise KeyExistsError(f"{path}: is there already; keys are never overwritten") from None
    except OSError as error:
        raise UnsafeKeyFileError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    _sync_directory(path.parent)
    return descriptor


def read_private(path: Path, *, root_may_share: bool = False) -> bytes:
    """Read a file that its owner alone could read or replace.

    Args:
        path: the file.
        root_may_share: accept group-read on a file of root: service managers hand over credentials
            that way (an access list for the service shows as group permission).

    Raises:
        UnreadableKeyError: not found, not readable, or too large.
        UnsafeKeyFileError: says what to change.
    """
    try:
        # O_NONBLOCK: opening a pipe somebody put there must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise UnsafeKeyFileError(f"{path}: is a symbolic link; put the file there") from None
        raise UnreadableKeyError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        _check_file(path, os.fstat(descriptor), os.geteuid(), root_may_share=root_may_share)
        raw = os.read(descriptor, MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_FILE_BYTES:
        raise UnreadableKeyError(f"{path}: is larger than any key file; check the path")
    return raw


def remove(path: Path) -> None:
    """Destroy a key file; a missing one is fine. Copies in backups are the operator's to destroy.

    Raises:
        UnsafeKeyFileError: it cannot be removed.
    """
    try:
        _destroy_attempts(path)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UnsafeKeyFileError(f"{path}: cannot be removed ({error.strerror})") from None
    _sync_directory(path.parent)


def destroy_attempts(directory: Path) -> None:
    """Remove what whoever was killed while he wrote keys there left, half written or whole.

    Nobody else may be writing keys there.

    Raises:
        UnsafeKeyFileError: it cannot be removed.
    """
    try:
        for left in directory.glob(".*.key.*"):
            if _ATTEMPT.fullmatch(left.suffix.removeprefix(".")):
                left.unlink(missing_ok=True)
    except OSError as error:
        raise UnsafeKeyFileError(f"{directory}: cannot be tidied ({error.strerror})") from None


def rename(path: Path, over: Path) -> None:
    """Let a key file take the name of another in its directory, which is thereby destroyed.

    Raises:
        UnsafeKeyFileError: it cannot be renamed.
    """
    try:
        for name in (path, over):
            _destroy_attempts(name)
        path.replace(over)
    except OSError as error:
        raise UnsafeKeyFileError(f"{path}: cannot be renamed ({error.strerror})") from None
    _sync_directory(over.parent)


def use_tls_key(context: ssl.SSLContext, key: TlsKey) -> None:
    """Give a TLS key to an SSL context.

    The standard library takes paths only, so the key passes through a private temporary directory,
    encrypted under a passphrase that exists for this call.
    """
    passphrase = secrets.token_urlsafe(armour.SECRET_BYTES)
    with tempfile.TemporaryDirectory(prefix="hx1-") as directory:
        path = Path(directory) / "tls"
        write_private(path, armour.encode_tls(key, passphrase.encode(), "once"))
        context.load_cert_chain(path, password=passphrase)


def _load(
    path: Path, passphrase: bytes, purpose: str, decode: Callable[[bytes, bytes, str], _Key]
) -> _Key:
    check_directory(path.parent)
    try:
        return decode(read_private(path), passphrase, purpose)
    except UnreadableKeyError as error:
        message = str(error)
        named = message if message.startswith(str(path)) else f"{path}: {message}"
        raise UnreadableKeyError(named) from None


def _check_file(path: Path, status: os.stat_result, user: int, *, root_may_share: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeKeyFileError(f"{path}: is not a regular file")
    _check_owner(path, status, user)
    shared = _GROUP_READ if root_may_share and status.st_uid == 0 else 0
    if status.st_mode & _OTHERS & ~shared:
        raise UnsafeKeyFileError(f"{path}: others may read or change it; run: chmod 600 {path}")


def _check_owner(path: Path, status: os.stat_result, user: int) -> None:
    if status.st_uid not in {0, user}:
        raise UnsafeKeyFileError(
            f"{path}: belongs to another user; run as that user, or: chown {user} {path}"
        )


def _write_synced(path: Path, raw: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, FILE_MODE), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _destroy_attempts(path: Path) -> None:
    """Remove what `write_private` left when it was killed: a second name of the very same file.

    It goes before the file itself, which is what whoever goes on with a destruction looks for.
    """
    for left in path.parent.glob(f".{path.name}.*"):
        if _ATTEMPT.fullmatch(left.name.removeprefix(f".{path.name}.")):
            left.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
