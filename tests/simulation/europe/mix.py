"""The mix of a year: what is published of the network, and what had to be assumed.

Published:

- INHOPE, *Annual Report 2023* and *The Facts* (inhope.org/EN/the-facts): 54 member hotlines in 50
  countries, more than 200 analysts; 785,322 content URLs exchanged, of which 69 % illegal; 88 % of
  reports new, so 12 % known; site types; the three countries that report most; 82 % to the police
  within three days; removed within 2.5 days.
- INHOPE, *Annual Report 2018* (as told by nmhh.hu): 155,240 reports, 337,588 items.
- IWF, *Annual Data & Insights Report 2024*, hosting by country, the column for 2023 (iwf.org.uk):
  one hotline's view, the only one by country that is published. Countries below one per cent are
  not told apart there.

Assumed, because nobody publishes it: all that stands below "assumed". It decides the cost more
than what is published does, so each figure stands here alone and can be changed.
"""

from __future__ import annotations

MEMBERS = 54
COUNTRIES = 50
ITEMS = 785_322
DAYS = 365
ILLEGAL = 0.69
KNOWN = 0.12
ITEMS_PER_REPORT = 337_588 / 155_240
POLICE_WITHIN_3_DAYS = 0.82
REMOVED_AFTER_DAYS = 2.5

REPORTING = {"gb": 35.03, "nl": 19.79, "de": 5.88}
"""Per cent of what is reported, by the country that reports; the others share the rest."""

SITE_TYPES = {"website": 42.65, "image_host": 39.36, "forum": 8.79, "other": 9.20}
"""Per cent of items, by the kind of site they stand on; ten kinds are published, three with
figures."""

HOSTING = {
    "nl": 33, "us": 15, "hk": 9, "ch": 8, "bg": 6, "de": 5, "sk": 4, "my": 2, "ua": 2, "ru": 2,
    "pa": 2, "fr": 1, "se": 1, "az": 1,
}  # fmt: skip
"""Per cent of items, by the country that hosts them (84 of them in all, INHOPE); the rest is spread
evenly over the other countries with a hotline. No hotline: hk, my, ru, pa, az."""

# -- assumed ---------------------------------------------------------------------------------------

OTHERS = (
    "us", "fr", "ca", "au", "at", "it", "es", "pl", "cz", "se", "dk", "be", "ie", "jp", "kr", "tw",
    "bg", "ro", "ua", "sk", "ch", "hu", "pt", "gr", "fi", "ee", "lv", "lt", "lu", "si", "hr", "mt",
    "cy", "is", "br", "co", "mx", "pe", "ar", "za", "nz", "th", "kh", "ph", "md", "rs", "al",
)  # fmt: skip
"""The other countries with a hotline, in the order of how much they are taken to report."""

SECOND_HOTLINES = ("de", "tw", "us", "es")
"""Countries with two hotlines: 54 in 50 countries are published, not where. The first of the two is
responsible, as the network's choice rule says; the second only reports."""

WITHOUT = ("hk", "my", "ru", "pa", "az")
"""Hosting countries without a hotline: what they host goes to the fallback member."""

FALLBACK = "us"

BURSTS = {"gb": 0.20, "nl": 0.12}
"""Share of the year's items that one crawler at this country's hotline hands in at once."""

WITH_HASH = 0.4
"""Share of items that bring a hash: most sources bring none."""

SIGHTED_AGAIN = 0.05
"""Lines beside the items: another report of a location that was reported already."""

MOVED = 0.02
"""Share of items that the first responsible member finds moved to another country."""

CHILD_AT_RISK = 0.002

SITTING_HOURS = (9, 11, 14, 16)
"""When a hotline's analysts hand in what was classified since, and work through what came."""

HOLIDAYS = 11
"""Public holidays a year on which a hotline does not work, beside weekends."""

OUTAGES = 1 / 12
"""Outages of a member in a month: one a year."""
OUTAGE_DAYS = 7
"""A node is down for one day to so many."""

LONGEST_OUTAGE_DAYS = 21
"""Once in the time replayed, one member is away for so long, or for a third of the time."""


def hotlines(count: int) -> list[str]:
    """The ids of the first `count` members: each country's first hotline, then the second ones.

    Raises:
        ValueError: fewer than 3 members, or more than are published.
    """
    if not 3 <= count <= MEMBERS:
        raise ValueError(f"members: between 3 and {MEMBERS}")
    first = [f"{country}-one" for country in (*REPORTING, *OTHERS)]
    return [*first, *(f"{country}-two" for country in SECOND_HOTLINES)][:count]


def reporting_weights(members: list[str]) -> list[float]:
    """How much each member reports beside the others: published, then falling as 1/rank."""
    named = [
        REPORTING.get(member[:2], 0.0) if member.endswith("one") else 0.0 for member in members
    ]
    rest = 100 - sum(REPORTING.values())
    ranks = [rank for rank, weight in enumerate(named, start=1) if not weight]
    scale = rest / sum(1 / rank for rank in ranks) if ranks else 0.0
    return [weight or scale / rank for rank, weight in enumerate(named, start=1)]


def hosting_weights(members: list[str]) -> dict[str, float]:
    """How much each country hosts beside the others, with a member or without."""
    countries = {member[:2] for member in members}
    spread = [country for country in sorted(countries) if country not in HOSTING]
    rest = 100 - sum(HOSTING.values())
    weights = {c: float(w) for c, w in HOSTING.items() if c in countries or c in WITHOUT}
    return weights | {country: rest / len(spread) for country in spread}
