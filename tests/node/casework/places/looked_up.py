"""Items that are looked up once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    """Return a finding; `named`: the countries of its ballots, where they differ."""
    answers = named or (() if country is None else (country,))
    evidence = tuple(Evidence(f"192.0.2.{n}", source, "1", a) for n, a in enumerate(answers))
    return Jurisdiction(state, country, sure, evidence)


def told(country: str | None = "NL", sure: Confidence = HIGH, **how: Any) -> Jurisdiction:
    """Return what the sender said."""
    return found(country, sure, source="theirs", **how)


HIDDEN = found(None, HIGH, state=HostingState.HIDDEN)


def due(made: Casebook, state: ItemState) -> Cause | None:
    """Return why an item is to be located again."""
    again = made.loaded.items[state.id].again
    return None if again is None else again.cause
