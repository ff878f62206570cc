"""The keys of the configuration, declared once: type, reader, default and meaning of each.

A default of `derived` follows from another key and is filled in by `node.config.reading`.
"""
# ruff: noqa: RUF009 - `_key` only calls `dataclasses.field`

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from node.config import values as kinds
from node.config.declaring import key as _key
from node.config.places import HostersSection, JurisdictionSection
from node.config.servers import SERVER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_MEMBER = kinds.text(
    r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*", "write the member id in lower case, such as gb-iwf"
)
_SHA256 = kinds.text(
    r"[0-9a-fA-F]{64}", "write the fingerprint as 64 hexadecimal digits (hotline join does it)"
)
_HSM = kinds.text(
    r"pkcs11:[\x21-\x7e]{1,2041}", "write pkcs11:token=LABEL?module-path=/PATH/OF/LIBRARY.so"
)


_DAYS = kinds.integer(0, 36_500)


@dataclass(frozen=True, kw_only=True)
class MemberSection:
    """Who this node is, where its private files lie, and how it logs."""

    id: str = _key("Member id in the registry, for example `gb-iwf`.", _MEMBER)
    data_dir: Path = _key("Directory of everything the node writes.", kinds.PATH, derived=".")
    keys_dir: Path = _key("Directory of the key files.", kinds.PATH, derived="<data_dir>/keys")
    unlock: str = _key(
        "Where the secret that unlocks the key files comes from: `file:PATH`, `env:NAME` or"
        " `command:PROGRAM ARGUMENTS` (its standard output). Keep it on another disk.",
        kinds.SECRET,
    )
    hsm: str | None = _key(
        "Token of an HSM that holds the Ed25519 halves of the log and receipt keys, as a PKCS#11"
        " URI: `pkcs11:token=LABEL?module-path=/PATH/OF/LIBRARY.so`. Set by `hotline init --hsm`.",
        _HSM,
        None,
    )
    hsm_pin: str | None = _key(
        "Where the PIN of that token comes from, as for `unlock`.", kinds.SECRET, None
    )
    log_level: str = _key(
        "The least severe log line written.",
        kinds.choice("debug", "info", "warning", "error"),
        "info",
    )
    log_format: str = _key(
        "`json`: one object a line for collectors; `console`: for people.",
        kinds.choice("json", "console"),
        "json",
    )


@dataclass(frozen=True, kw_only=True)
class StoreSection:
    """The encrypted database: a file of this machine, or a database of a PostgreSQL server."""

    path: Path = _key("The database file.", kinds.PATH, derived="<data_dir>/node.db")
    url: str | None = _key(
        "A PostgreSQL database (14 or later) instead of the file, for this node alone:"
        " `postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`; needs the"
        " extra `postgres`. Left out: the file.",
        SERVER,
        None,
    )
    password: str | None = _key(
        "Where the password for that server comes from, as for `unlock`, if it asks for one.",
        kinds.SECRET,
        None,
    )
    stand_by: bool = _key(
        "Wait while another process of this node works on that server, and take over when it is"
        " gone or shows no life.",
        kinds.SWITCH,
        default=False,
    )
    group_commit_max: int = _key(
        "Most commands written in one transaction.", kinds.integer(1, 100_000), 512
    )
    backup_alarm_days: int = _key(
        "Days without a `hotline backup` of the file after which `hotline doctor` alarms; 0: never,"
        " where other programs copy it. The copies of a server are not seen from here.",
        _DAYS,
        3,
    )
    keep_closed_days: int = _key(
        "Retention of items closed as gone: days after the last thing that happened to them; 0: for"
        " ever. What is open here, under referral or under a legal hold is kept however old.",
        _DAYS,
        1095,
    )
    keep_not_illegal_days: int = _key(
        "The same of items closed as not illegal; 0: for ever.", _DAYS, 365
    )
    keep_counted_days: int = _key(
        "The same of reports about other matters, which are only counted; 0: for ever.", _DAYS, 365
    )
    keep_handed_on_days: int = _key(
        "The same of items handed on of which nobody told that they are closed; 0: for ever.",
        _DAYS,
        1825,
    )
    keep_refused_days: int = _key(
        "Days after which entries of other members lose their bodies that became part of no item:"
        " malformed, not permitted, of an unknown kind, in conflict, or of a member that was"
        " expelled before they were judged. Also own words that came back in a recovery, of items"
        " that came no more; 0: for ever.",
        _DAYS,
        365,
    )

    @property
    def shown(self) -> str:
        """Where the database stands, for people; no secret is in it."""
        return self.url or str(self.path)


@dataclass(frozen=True, kw_only=True)
class PeerSection:
    """The listener for other members, and how this node sends to them."""

    listen_host: str = _key("Address the peer listener binds to.", kinds.HOST, "0.0.0.0")  # noqa: S104
    listen_port: int = _key("Port of the peer listener.", kinds.PORT, 8441)
    endpoint: str | None = _key(
        "Address under which other members reach this node, `https://HOST:PORT`; goes into the"
        " member document. Left out: this node cannot be reached and fetches by itself.",
        kinds.ENDPOINT,
        None,
    )
    batch_window_ms: int = _key(
        "How long entries may gather before a push is cut; 0 sends at once. child_at_risk never"
        " waits.",
        kinds.integer(0, 300_000),
        0,
    )
    bulk_window_ms: int = _key(
        "How long what people here say of files may wait for more of it before all are told; 0:"
        " not at all. What contradicts a verdict, or takes one back, goes at once, with what"
        " waits.",
        kinds.integer(0, 3_000_000),
        1_800_000,
    )
    max_push_entries: int = _key(
        "Most entries in one push; the network's own limit still holds.",
        kinds.integer(10, 100_000),
        1000,
    )
    request_timeout_s: int = _key(
        "How long one request to a peer may take.", kinds.integer(1, 600), 30
    )
    connections_per_address: int = _key(
        "Most connections from one IPv4 address, or one IPv6 /64, at once; after that about a sixth"
        " of it a second. Raise it if a forwarder of yours makes all peers come from its own"
        " address.",
        kinds.integer(1, 100_000),
        64,
    )
    share_verdicts: bool = _key(
        "Tell every other hotline what people here say of files, by hashes alone, so that nobody"
        " views them again. Switched off, only what was told before is still taken back.",
        kinds.SWITCH,
        default=True,
    )
    disk_floor_mib: int = _key(
        "Free space, in MiB, below which pushes of peers are put off: what is left is kept for"
        " this hotline's own intake. Not with `[store] url`: there the server says when it is"
        " full.",
        kinds.integer(0, 1_000_000),
        512,
    )


@dataclass(frozen=True, kw_only=True)
class ApiSection:
    """The local listener: REST API, change feed, metrics, health; for the hotline's own systems."""

    listen_host: str = _key(
        "Address of the local listener. It speaks plain HTTP: anything but loopback needs"
        " `allow_remote`.",
        kinds.HOST,
        "127.0.0.1",
    )
    listen_port: int = _key("Port of the local listener.", kinds.PORT, 8442)
    allow_remote: bool = _key(
        "Permit a `listen_host` beyond loopback, because a TLS proxy of yours stands before it.",
        kinds.SWITCH,
        default=False,
    )
    token_file: Path = _key(
        "File (mode 0600) with the token by which `hotline` itself talks to the running node.",
        kinds.PATH,
        derived="<data_dir>/admin.token",
    )
    max_body_bytes: int = _key(
        "Largest request body accepted.", kinds.integer(65_536, 1 << 30), 64 << 20
    )
    idempotency_days: int = _key(
        "How long `Idempotency-Key` values are remembered.", kinds.integer(30, 3650), 30
    )


@dataclass(frozen=True, kw_only=True)
class PublicSection:
    """The public listener: HashCheck of a node, `network serve` of an umbrella."""

    enabled: bool = _key(
        "Whether a node opens the public listener, for hosting companies.",
        kinds.SWITCH,
        default=False,
    )
    listen_host: str = _key("Address of the public listener.", kinds.HOST, "127.0.0.1")
    listen_port: int = _key("Port of the public listener.", kinds.PORT, 8443)
    tls_certificate: Path | None = _key(
        "Certificate with its chain (PEM), for TLS of the node itself; left out: plain HTTP, behind"
        " a TLS proxy of yours.",
        kinds.PATH,
        None,
    )
    tls_key: Path | None = _key(
        "Key of that certificate (PEM, mode 0600). A node reads both when it starts.",
        kinds.PATH,
        None,
    )
    allow_remote: bool = _key(
        "Permit a `listen_host` beyond loopback without a certificate, because a TLS proxy of yours"
        " stands before it.",
        kinds.SWITCH,
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class MatchingSection:
    """How far lists of known content are followed."""

    min_bytes: int = _key(
        "Of a smaller file, by the length told or known, no list gives a verdict unseen: it is"
        " suggested to a person, and HashCheck answers `review` at most. Not below 256: blank"
        " pixels and empty pages are smaller.",
        kinds.integer(256, 1 << 30),
        1024,
    )


@dataclass(frozen=True, kw_only=True)
class HashcheckSection:
    """HashCheck: what hosting companies are answered on the public listener."""

    allow_list: Path | None = _key(
        "File of SHA-256 of files known to be harmless, one a line: always answered `none`.",
        kinds.PATH,
        None,
    )
    min_bytes: int = _key(
        "Of a smaller file, by the length told or known, nothing is a hit: `review` at most.",
        kinds.integer(0, 1 << 30),
        1024,
    )


@dataclass(frozen=True, kw_only=True)
class RegistrySection:
    """Whom we believe: the network's signed registry. `hotline join` writes this section."""

    root_sha256: str | None = _key(
        "SHA-256 of the first root document, told to you by a person; pins the network.",
        _SHA256,
        None,
    )
    mirrors: tuple[str, ...] = _key(
        "Where the registry is fetched from, tried in this order; any member mirrors it."
        " What you publish goes to the umbrella alone.",
        kinds.MIRRORS,
        (),
    )
    directory: Path = _key(
        "Where the last verified documents are kept.", kinds.PATH, derived="<data_dir>/registry"
    )
    refresh_s: int = _key(
        "Time between two refreshes of the registry.", kinds.integer(1, 86_400), 600
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole configuration: complete, paths absolute, read from the file `source`."""

    source: Path
    member: MemberSection
    store: StoreSection
    peer: PeerSection
    api: ApiSection
    public: PublicSection
    matching: MatchingSection
    hashcheck: HashcheckSection
    registry: RegistrySection
    jurisdiction: JurisdictionSection
    hosters: HostersSection


_SECTIONS: dict[str, type[Any]] = {
    "member": MemberSection,
    "store": StoreSection,
    "peer": PeerSection,
    "api": ApiSection,
    "public": PublicSection,
    "matching": MatchingSection,
    "hashcheck": HashcheckSection,
    "registry": RegistrySection,
    "jurisdiction": JurisdictionSection,
    "hosters": HostersSection,
}


def section_types() -> Mapping[str, type[Any]]:
    """Give the sections' names with the classes that declare their keys, in the file's order."""
    return _SECTIONS
