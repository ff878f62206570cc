"""In which country an address stands: a vote of databases, with every ballot kept.

Each database says one country or nothing; odd codes are read by `codes.read_country`, and what
means no country is nothing. Only the location country votes, never the registry's
(`registered_country` is where an address block is registered: right on 25-58 % of clouds).

Rule `RULE_VERSION`, over the databases that answered:

=========================================================  ==========  ===========
answers                                                     country     confidence
=========================================================  ==========  ===========
all the same, at least two                                  that one    high
more than half the same, at least two                       that one    medium
the only answer, of the only database                       that one    medium
the only answer, other databases silent                     that one    low
no majority, or no answer                                   none        low
=========================================================  ==========  ===========

IPv4 inside IPv6 is looked up as IPv4 (`addresses.effective`). A record that cannot be read is no
answer: a damaged file must not hold up intake; `doctor` looks for such records and names the file.
"""

from __future__ import annotations

import struct
from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from operator import index
from typing import TYPE_CHECKING, Literal, NamedTuple

import maxminddb

from node.jurisdiction.addresses import effective
from node.jurisdiction.codes import read_country
from node.jurisdiction.datafiles import DataFile, check_unchanged, snapshot
from node.jurisdiction.errors import DataFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

RULE_VERSION = 1

Confidence = Literal["high", "medium", "low"]

_MAX_CACHED = 200_000
_DAMAGES = (
    maxminddb.InvalidDatabaseError, ArithmeticError, AttributeError, LookupError, RecursionError,
    TypeError, ValueError, struct.error,
)  # fmt: skip
"""What the reader ends in on a damaged file: it unpacks what stands there."""


class DatabaseSource(NamedTuple):
    """A configured MMDB file; `sha256` in hex, None to trust whatever stands at `path`."""

    path: Path
    name: str
    sha256: str | None = None


class Ballot(NamedTuple):
    """What one database said: `answer` is its own word, `country` how it was read."""

    database: str
    built_ms: int
    prefix: str
    answer: str | None
    country: str | None


class Vote(NamedTuple):
    """The outcome for one address. `candidates` are all countries named, sorted."""

    country: str | None
    confidence: Confidence
    candidates: tuple[str, ...]
    ballots: tuple[Ballot, ...]


class _Database(NamedTuple):
    file: DataFile
    reader: maxminddb.Reader
    has_ipv6: bool


class Databases:
    """The voters. Files stay mapped until `close`; safe to use from several threads."""

    def __init__(self, databases: Iterable[_Database]) -> None:
        self._databases = tuple(databases)
        self._votes: dict[str, Vote] = {}

    @classmethod
    def open(cls, sources: Iterable[DatabaseSource]) -> Databases:
        """Open and check all files.

        Raises:
            DataFileError: a file is missing, damaged, not an MMDB, or not the configured one.
        """
        opened: list[_Database] = []
        try:
            opened.extend(map(_open, sources))
        except DataFileError:
            for database in opened:
                database.reader.close()
            raise
        return cls(opened)

    @property
    def files(self) -> tuple[DataFile, ...]:
        """What is open, for evidence and for ages."""
        return tuple(database.file for database in self._databases)

    def damaged(self) -> tuple[str, ...]:
        """Return the names of the files in which a record cannot be read.

        It asks for addresses everywhere, which is a sample: a walk would never end in a tree that
        leads back into itself.
        """
        return tuple(one.file.name for one in self._databases if not _is_whole(one))

    def close(self) -> None:
        """Unmap all files."""
        for database in self._databases:
            database.reader.close()

    def country(self, address: str) -> Vote:
        """Return the vote on `address`; the same address is looked up once.

        Raises:
            ValueError: not an address.
        """
        vote = self._votes.get(address)
        if vote is None:
            if len(self._votes) >= _MAX_CACHED:
                self._votes.clear()
            reached = effective(address)
            vote = count(tuple([_ask(database, reached) for database in self._databases]))
            self._votes[address] = vote
        return vote


def count(ballots: tuple[Ballot, ...]) -> Vote:
    """Count the ballots by the rule at the head of this module."""
    named = Counter(ballot.country for ballot in ballots if ballot.country is not None)
    candidates = tuple(sorted(named))
    if not named:
        return Vote(None, "low", (), ballots)
    first, votes = named.most_common(1)[0]
    answers = named.total()
    if answers == 1:
        return Vote(first, "medium" if len(ballots) == 1 else "low", candidates, ballots)
    if votes == answers:
        return Vote(first, "high", candidates, ballots)
    if votes * 2 > answers:
        return Vote(first, "medium", candidates, ballots)
    return Vote(None, "low", candidates, ballots)


def _open(source: DatabaseSource) -> _Database:
    before = snapshot(source.path, source.name, source.sha256)
    try:
        # The reader in C is eight times as fast, and on a damaged file it touches memory that is
        # not its own (`make fuzz ONLY=country_database`). Each address is looked up once.
        reader = maxminddb.open_database(source.path, maxminddb.MODE_MMAP)
        metadata = reader.metadata()
        built_ms = index(metadata.build_epoch) * 1000
    except (OSError, *_DAMAGES):
        raise DataFileError(
            f"jurisdiction data {source.name!r}: is not a readable MMDB file; get it again"
        ) from None
    check_unchanged(source.path, source.name, before)
    file = DataFile(source.name, str(source.path), before.sha256, built_ms)
    return _Database(file, reader, metadata.ip_version != 4)  # noqa: PLR2004 -- IPv4


def _everywhere(*, with_ipv6: bool) -> Iterator[str]:
    """Yield an address of each IPv4 /12 and, if asked, of each IPv6 /12 in use."""
    yield from (f"{first}.{second}.2.1" for first in range(256) for second in range(0, 256, 16))
    if with_ipv6:
        yield from (f"{first:x}::1" for first in range(0x2000, 0x4000, 16))


def _is_whole(database: _Database) -> bool:
    try:
        for address in _everywhere(with_ipv6=database.has_ipv6):
            database.reader.get(address)
    except _DAMAGES:
        return False
    return True


def _ask(database: _Database, address: IPv4Address | IPv6Address) -> Ballot:
    file, reader, has_ipv6 = database
    if address.version != 4 and not has_ipv6:  # noqa: PLR2004 -- IPv4
        return Ballot(file.name, file.built_ms, "", None, None)
    try:
        record, length = reader.get_with_prefix_len(address)
    except _DAMAGES:
        return Ballot(file.name, file.built_ms, "", None, None)
    answer = _answer(record)
    prefix = _prefix(address, length)
    return Ballot(file.name, file.built_ms, prefix, answer, read_country(answer))


def _prefix(address: IPv4Address | IPv6Address, length: int) -> str:
    """Return the network of `length` bits around `address`; `ip_network` would be far slower."""
    spare = address.max_prefixlen - length
    return f"{type(address)(int(address) >> spare << spare)}/{length}"


def _answer(record: object) -> str | None:
    """Take the location country out of the record forms in use; None for anything else."""
    if not isinstance(record, dict):
        return None
    country = record.get("country", record.get("country_code"))
    if isinstance(country, dict):
        country = country.get("iso_code")
    return country if isinstance(country, str) and country else None
