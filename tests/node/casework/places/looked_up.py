"""Items that are looked up once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from node.casework.places.beside import CANDIDATE
from protocol.facts import Evidence, Jurisdiction
from protocol.vocabulary import Confidence, HostingState

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from node.casework.item import Cause, ItemState

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW


def found(
    country: str | None = "NL",
    sure: Confidence = HIGH,
    *,
    state: HostingState = HostingState.COUNTRY,
    source: str = "ours",
    named: tuple[str, ...] = (),
) -> Jurisdiction:
    """Return a finding; `named`: the countries of its ballots, where they are not its own."""
    answers = named or (() if country is None else (country,))
    disputed = named if state is HostingState.DISPUTED else ()
    candidates = tuple(Evidence(one, CANDIDATE, "1", None) for one in disputed)
    ballots = tuple(Evidence(f"192.0.2.{n}", source, "1", a) for n, a in enumerate(answers))
    return Jurisdiction(state, country, sure, (*candidates, *ballots))


def told(country: str | None = "NL", sure: Confidence = HIGH, **how: Any) -> Jurisdiction:
    """Return what the sender said."""
    return found(country, sure, source="theirs", **how)


HIDDEN = found(None, HIGH, state=HostingState.HIDDEN, named=("US", "US"))
"""Behind a proxy whose own addresses are in US."""


def due(made: Casebook, state: ItemState) -> Cause | None:
    """Return why an item is to be located again."""
    again = made.loaded.items[state.id].again
    return None if again is None else again.cause
