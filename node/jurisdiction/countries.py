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

IPv4 inside IPv6 is looked up as IPv4 (`addresses.effective`).
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Literal, NamedTuple

from node.jurisdiction.addresses import effective
from node.jurisdiction.codes import read_country
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.mmdb import DatabaseSource, Mmdb, open_mmdb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.jurisdiction.datafiles import DataFile

__all__ = ["Ballot", "DatabaseSource", "Databases", "Vote", "count"]

RULE_VERSION = 7
"""Of all that decides: this vote, and in `locate` what overrides it or lowers its confidence."""

Confidence = Literal["high", "medium", "low"]

_MAX_CACHED = 200_000


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


class Databases:
    """The voters. Files stay in memory until `close`; safe to use from several threads.

    `copies` names each file that is a voter's own bytes under another name, and that voter: two
    that always agree because they are one would make every answer `high`.
    """

    def __init__(self, databases: Iterable[Mmdb], copies: Iterable[tuple[str, str]] = ()) -> None:
        self._databases = tuple(databases)
        self.copies = tuple(copies)
        self._votes: dict[str, Vote] = {}

    @classmethod
    def open(cls, sources: Iterable[DatabaseSource]) -> Databases:
        """Open and check all files. One that is here already votes once, however it is called.

        Raises:
            DataFileError: a file is missing, damaged, not an MMDB, or not the configured one.
        """
        opened: dict[str, Mmdb] = {}
        copies = []
        try:
            for one in map(open_mmdb, sources):
                first = opened.setdefault(one.file.sha256, one)
                if first is not one:
                    copies.append((one.file.name, first.file.name))
                    one.reader.close()
        except DataFileError:
            for database in opened.values():
                database.reader.close()
            raise
        return cls(opened.values(), copies)

    @property
    def files(self) -> tuple[DataFile, ...]:
        """What is open, for evidence and for ages."""
        return tuple(database.file for database in self._databases)

    def damaged(self) -> tuple[str, ...]:
        """Return the names of the files in which a record cannot be read (`Mmdb.is_whole`)."""
        return tuple(one.file.name for one in self._databases if not one.is_whole())

    def silent(self) -> tuple[str, ...]:
        """Return the names of the files with records that name no country (`is_of_others`)."""
        return tuple(one.file.name for one in self._databases if one.is_of_others(_names_country))

    def close(self) -> None:
        """Close all files."""
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


def _ask(database: Mmdb, address: IPv4Address | IPv6Address) -> Ballot:
    record, prefix = database.get(address)
    answer = _answer(record)
    file = database.file
    return Ballot(file.name, file.built_ms, prefix, answer, read_country(answer))


def _names_country(record: object) -> bool:
    return read_country(_answer(record)) is not None


def _answer(record: object) -> str | None:
    """Take the location country out of the record forms in use; None for anything else.

    A country that is spelt out (`United States`) gives way to its code beside it.
    """
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    if isinstance(country, dict):
        country = country.get("iso_code")
    told = [one for one in (country, record.get("country_code")) if isinstance(one, str) and one]
    return next((one for one in told if read_country(one) is not None), next(iter(told), None))
