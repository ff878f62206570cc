"""How often databases and their vote are right about addresses whose country is published.

Of each provider and each version of IP, one random address is asked about in each of `each` random
prefixes; a prefix inside another hides it there. So every prefix weighs the same, however wide.

A database that is made from what the provider publishes is not judged by it, nor does it vote: the
vote is counted from the others, by the rule of `node.jurisdiction.countries`. With fewer than two
voters left there is no independent truth, and no figure.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_network
from typing import Final, NamedTuple

from benchmarks.jurisdiction.description import Database, Provider, Standing
from benchmarks.jurisdiction.published import Published
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Ballot, Databases, Vote, count

LEVELS: Final = ("high", "medium", "low")
LEAST_VOTERS: Final = 2
_Z: Final = 1.959964
"""Of 95 % (the normal distribution)."""


class Row(NamedTuple):
    """One line of the outcome.

    `what` is a database, or `vote` (of `voters`) and its level. Of `asked` addresses, `given` had
    an answer (of the vote: this level), `named` of those one country, `right` the published one;
    `among` had it among the candidates. All None where nothing independent can be said.
    """

    provider: str
    version: int
    what: str
    standing: Standing
    asked: int
    given: int | None = None
    named: int | None = None
    right: int | None = None
    among: int | None = None
    voters: tuple[str, ...] = ()

    @property
    def coverage(self) -> float | None:
        """Share of the addresses asked about that had this answer."""
        return None if self.given is None or not self.asked else self.given / self.asked

    @property
    def accuracy(self) -> float | None:
        """Share of right answers among those that named a country."""
        return None if self.right is None or not self.named else self.right / self.named

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of `accuracy` (Wilson, 95 %, prefixes as the unit)."""
        if self.right is None or not self.named:
            return None
        return wilson(self.right, self.named)


class Sample(NamedTuple):
    """Addresses of one provider and version of IP, each with its published country."""

    provider: Provider
    version: int
    addresses: tuple[tuple[str, str], ...]


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927), 95 %."""
    share, square = right / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return round(max(0.0, middle - half), 6), round(min(1.0, middle + half), 6)


def samples(
    provider: Provider, told: Published, each: int, seed: int, policy: AddressPolicy
) -> Iterator[Sample]:
    """Yield an address in each of `each` prefixes of IPv4 and of IPv6, the same for one seed."""
    for version in (4, 6):
        prefixes = [one for one in told.placed if (":" in one) == (version == 6)]  # noqa: PLR2004
        rng = random.Random(f"{seed} {provider.provider} {version}")  # noqa: S311 -- a sample
        rng.shuffle(prefixes)
        chosen: list[tuple[str, str]] = []
        for prefix in prefixes:
            if len(chosen) >= each:
                break
            network = ip_network(prefix)
            address = str(network[rng.randrange(network.num_addresses)])
            found = told.places.get(address)
            country = None if found is None else found[1]
            if country is not None and policy.refused(address) is None:
                chosen.append((address, country))
        if chosen:
            yield Sample(provider, version, tuple(chosen))


def measure(sample: Sample, databases: Databases, known: Sequence[Database]) -> list[Row]:
    """Return a row for each database and for each level of the vote."""
    provider = sample.provider
    voters = [one.name for one in known if one.votes and one.name not in provider.input_of]
    standings = {one.name: provider.standing(one.name) for one in known}
    single = {one.name: Counter[str]() for one in known}
    levels = {level: Counter[str]() for level in LEVELS}
    for address, country in sample.addresses:
        ballots = databases.country(address).ballots
        for ballot in ballots:
            if ballot.country is not None:
                single[ballot.database].update(_seen(ballot.country, (ballot.country,), country))
        vote = _vote(ballots, voters)
        levels[vote.confidence].update(_seen(vote.country, vote.candidates, country))
    head = provider.provider, sample.version
    asked = len(sample.addresses)
    rows = [_row(head, name, standings[name], asked, seen) for name, seen in single.items()]
    whole = _of_all([standings[name] for name in voters])
    votes = [_row(head, f"vote {name}", whole, asked, seen) for name, seen in levels.items()]
    return rows + [one._replace(voters=tuple(voters)) for one in votes]


def _vote(ballots: Sequence[Ballot], voters: Collection[str]) -> Vote:
    return count(tuple(one for one in ballots if one.database in voters))


def _seen(answer: str | None, candidates: Collection[str], country: str) -> Iterator[str]:
    """Yield what counts of one answer."""
    yield "given"
    if answer is not None:
        yield "named"
    if answer == country:
        yield "right"
    if country in candidates:
        yield "among"


def _of_all(standings: Collection[Standing]) -> Standing:
    """Return how a vote stands: as its weakest voter, and as nothing with fewer than two."""
    if len(standings) < LEAST_VOTERS:
        return "input"
    return "unknown" if "unknown" in standings else "independent"


def _row(
    head: tuple[str, int], what: str, standing: Standing, asked: int, seen: Counter[str]
) -> Row:
    if standing == "input":
        return Row(*head, what, standing, asked)
    given, named = seen["given"], seen["named"]
    return Row(*head, what, standing, asked, given, named, seen["right"], seen["among"])
