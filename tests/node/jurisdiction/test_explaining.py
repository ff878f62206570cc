"""One sentence says what decided, and no other thing that might have."""

from __future__ import annotations

import pytest

from node.jurisdiction.explaining import explain
from node.jurisdiction.locate import Located, Row
from node.jurisdiction.locations import canonical

NOW = 1_800_000_000_000
PLACE = canonical("http://site.example/")


def says(address: str, *countries: str | None) -> list[Row]:
    """Return the ballots of as many databases on an address."""
    return [
        ("ballot", address, f"db{n}", NOW, "192.0.2.0/24", country, country)
        for n, country in enumerate(countries)
    ]


def because(state: str, confidence: str, *rows: Row, names: str = "ok") -> str:
    """Return what is said of a finding with this evidence."""
    named = tuple(sorted({str(row[-1]) for row in rows if row[0] == "ballot" and row[-1]}))
    several = named if state == "disputed" else ()
    country = None if state == "disputed" else "NL"
    evidence = (("rule", "jurisdiction", 7), ("names", names, NOW), *rows)
    located = Located(state, country, confidence, evidence, several)  # type: ignore[arg-type]
    return explain(PLACE, located).because


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [*says("192.0.2.1", "NL", "NL"), *says("192.0.2.2", "DE", "DE")],
            "its addresses stand in different countries; the databases name DE, NL",
        ),
        (says("192.0.2.1", "NL", "DE"), "the databases do not agree; they name DE, NL"),
        (
            [*says("192.0.2.1", "NL", "NL"), *says("192.0.2.2", "NL", "DE")],
            "the databases do not agree; they name DE, NL",
        ),
        (says("192.0.2.1", None, None), "no database names a country"),
    ],
)
def test_a_dispute_says_who_disagrees(rows: list[Row], said: str) -> None:
    """Addresses in several countries are the site's doing, databases that contradict are not."""
    assert because("disputed", "low", *rows) == said


@pytest.mark.parametrize(
    ("rows", "names", "said"),
    [
        (says("192.0.2.1", "NL", "NL", "DE"), "ok", "most databases that answered say so, not all"),
        (says("192.0.2.1", "NL"), "ok", "only one database is configured, and it says so"),
        (says("192.0.2.1", "NL", "NL"), "partial", "one of the two questions for its addresses"),
    ],
)
def test_what_took_a_step_of_confidence_is_named(rows: list[Row], names: str, said: str) -> None:
    """Not a list of all that may have."""
    assert because("country", "medium", *rows, names=names).startswith(said)


@pytest.mark.parametrize(("state", "where"), [("hidden", "behind a proxy"), ("none", "no country")])
def test_where_a_redirect_leads_out_of_every_country_is_said(state: str, where: str) -> None:
    """Not that the reported site has no address, or stands behind a proxy: it does not."""
    rows: tuple[Row, ...] = (
        ("rule", "jurisdiction", 7), ("kind", "onion"), ("led", "site.example", "country", "NL"),
    )  # fmt: skip
    told = explain(PLACE, Located(state, None, "low", rows)).because  # type: ignore[arg-type]
    assert "redirects" in told
    assert where in told
