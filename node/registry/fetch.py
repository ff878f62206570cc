"""One refresh from one mirror: from files that a node has to a newer verified set, or an error.

1. The TUF client workflow over the top-level roles, by `tuf.ngclient.Updater`, starting from what
   was verified last: rollback, freeze and mix-and-match are its business. Each refresh has an
   updater and a folder of its own, so that nothing half-fetched is ever built upon, and the time is
   the one given.
2. The members' roles and documents that the new snapshot names; those already here are not fetched.
3. The whole set, verified once more from the pin by `keys.registry`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NoReturn

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.api.metadata import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from keys.documents import MAX_DOCUMENT_BYTES
from keys.errors import KeysError
from keys.member_role import document_path
from keys.registry import (
    MAX_MEMBERS,
    MAX_ROOTS,
    NETWORK_PATH,
    TIMESTAMP_NAME,
    VerifiedSet,
    metadata_name,
    target_name,
    verify_set,
)
from node.registry import build
from node.registry.errors import MirrorsFailedError, RefusedError, WrongFingerprintError
from node.registry.rules import check_limits
from node.registry.transport import MirrorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from node.registry.transport import Get

MAX_ROOT_BYTES: Final = 262_144
MAX_ROLE_BYTES: Final = 65_536
_SCHEME: Final = "registry:"
_CONFIG: Final = UpdaterConfig(
    max_root_rotations=MAX_ROOTS,
    root_max_length=MAX_ROOT_BYTES,
    timestamp_max_length=16_384,
    snapshot_max_length=1_048_576,
    targets_max_length=4_194_304,
)
_FAILURES: Final = (
    RepositoryError,
    DownloadError,
    KeysError,
    MirrorError,
    OSError,
    ValueError,
    LookupError,
)
_ROOT: Final = re.compile(r"metadata/([0-9]+)\.root\.json")
_TOP: Final = re.compile(r"metadata/[0-9]+\.(snapshot|targets)\.json")


def fetch_verified(
    get: Get, root_sha256: bytes, known: Mapping[str, bytes], now_ms: int
) -> VerifiedSet:
    """Fetch what a mirror has that is newer than `known`, and verify all of it.

    Args:
        get: fetches from the mirror.
        root_sha256: the pin.
        known: the files verified last, by path; empty the first time.
        now_ms: the time by which expiry is judged.

    Raises:
        WrongFingerprintError: the mirror's first root is not the pinned one.
        MirrorsFailedError: unreachable, rolled back, expired, not verifying, or with limits under
            which nothing can be said; `reason` says which.
    """
    try:
        first_root = known.get(metadata_name("root", 1)) or _first_root(get, root_sha256)
        with TemporaryDirectory(prefix="hx1-registry-") as name:
            folder = Path(name)
            _lay_out(folder, known)
            updater = _Updater(folder, get, first_root, now_ms)
            updater.refresh()
            files = updater.top_level_files()
            for path, raw in _members_files(get, updater, known):
                files[path] = raw
        verified = verify_set(root_sha256, files, build.moment(now_ms))
    except _FAILURES as error:
        _give_up(error)
    _check_limits(verified)
    return verified


def _check_limits(verified: VerifiedSet) -> None:
    """Take over no limits under which nothing can be said: what is in force stays.

    Not asked of what was taken over before, nor of evidence: bytes that verified once still do.
    """
    try:
        check_limits(verified.registry.network.limits)
    except RefusedError:
        raise MirrorsFailedError("impossible_limits") from None


class _Fetcher(FetcherInterface):
    """Lets the TUF client fetch through `Get`; its addresses are `registry:<path>`."""

    def __init__(self, get: Get) -> None:
        self._get = get

    def _fetch(self, url: str) -> Iterator[bytes]:
        return iter((self.download_bytes(url, MAX_DOCUMENT_BYTES),))

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Fetch a file of at most `max_length` bytes."""
        try:
            return self._get(url.removeprefix(_SCHEME), max_length)
        except MirrorError as error:
            if error.too_large:
                raise DownloadLengthMismatchError("registry: the file is too large") from None
            if error.status is None:
                raise DownloadError("registry: the mirror failed") from None
            raise DownloadHTTPError("registry: the mirror refused", error.status) from None


class _Updater(Updater):
    """The TUF client, told the time, and asked for the files it verified."""

    def __init__(self, folder: Path, get: Get, first_root: bytes, now_ms: int) -> None:
        super().__init__(
            str(folder),
            f"{_SCHEME}metadata/",
            fetcher=_Fetcher(get),
            config=_CONFIG,
            bootstrap=first_root,
        )
        self._trusted_set.reference_time = build.moment(now_ms)

    @property
    def snapshot(self) -> Snapshot:
        """The verified snapshot."""
        return self._trusted_set.snapshot

    @property
    def targets(self) -> Targets:
        """The verified top-level targets."""
        return self._trusted_set.targets

    def top_level_files(self) -> dict[str, bytes]:
        """The files of the top-level roles by their paths in a repository."""
        folder = Path(self._dir)
        trusted = self._trusted_set
        files = {
            metadata_name(Root.type, version): (
                folder / "root_history" / f"{version}.root.json"
            ).read_bytes()
            for version in range(1, trusted.root.version + 1)
        }
        files[TIMESTAMP_NAME] = (folder / "timestamp.json").read_bytes()
        for role, version in (
            (Snapshot.type, trusted.snapshot.version),
            (Targets.type, trusted.targets.version),
        ):
            files[metadata_name(role, version)] = (folder / f"{role}.json").read_bytes()
        return files


def _first_root(get: Get, root_sha256: bytes) -> bytes:
    raw = get(metadata_name("root", 1), MAX_ROOT_BYTES)
    if hashlib.sha256(raw).digest() != root_sha256:
        raise WrongFingerprintError(
            "root_sha256: the network there has another fingerprint; ask its keepers for theirs"
        )
    return raw


def _lay_out(folder: Path, known: Mapping[str, bytes]) -> None:
    """Put the known top-level files where the TUF client looks for what it has."""
    history = folder / "root_history"
    history.mkdir()
    for name, raw in known.items():
        if match := _ROOT.fullmatch(name):
            (history / f"{match[1]}.root.json").write_bytes(raw)
        elif match := _TOP.fullmatch(name):
            (folder / f"{match[1]}.json").write_bytes(raw)
        elif name == TIMESTAMP_NAME:
            (folder / f"{Timestamp.type}.json").write_bytes(raw)


def _members_files(
    get: Get, updater: _Updater, known: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    """The network document, and each member's role and document, with their paths."""
    yield _target(get, updater.targets, NETWORK_PATH, known)
    delegations = updater.targets.delegations
    members = list(delegations.roles or ()) if delegations else []
    if len(members) > MAX_MEMBERS:
        raise ValueError("targets: delegations: more than any network has")
    for member in members:
        meta = updater.snapshot.meta[f"{member}.json"]
        name = metadata_name(member, meta.version)
        raw_role = _file(get, name, meta, known, MAX_ROLE_BYTES)
        yield name, raw_role
        yield _target(get, build.parse(raw_role, Targets).signed, document_path(member), known)


def _target(get: Get, targets: Targets, path: str, known: Mapping[str, bytes]) -> tuple[str, bytes]:
    target = targets.targets[path]
    name = target_name(path, target.hashes["sha256"])
    return name, _file(get, name, target, known, MAX_DOCUMENT_BYTES)


def _file(
    get: Get, name: str, named_by: MetaFile | TargetFile, known: Mapping[str, bytes], most: int
) -> bytes:
    """A file that is here already, or else the mirror's."""
    if named_by.length is None or named_by.length > most:
        raise ValueError("registry: a file is larger than any of its kind")
    raw = known.get(name)
    if raw is None or hashlib.sha256(raw).hexdigest() != (named_by.hashes or {}).get("sha256"):
        raw = get(name, named_by.length)
    named_by.verify_length_and_hashes(raw)
    return raw


def _give_up(error: Exception) -> NoReturn:
    """Say in one word why a mirror brought nothing; the library's words may hold addresses."""
    if getattr(error, "too_large", False) or isinstance(error, DownloadLengthMismatchError):
        raise MirrorsFailedError("untrusted") from None
    reasons = (
        (BadVersionNumberError, "rolled_back"),
        (ExpiredMetadataError, "expired"),
        ((DownloadError, MirrorError, OSError), "unreachable"),
    )
    reason = next((word for kind, word in reasons if isinstance(error, kind)), "untrusted")
    raise MirrorsFailedError(reason) from None
