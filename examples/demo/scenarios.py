"""The scenarios: what only looks like something else, each in a few cases of known outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.demo.cast import AWAY, make_hashes
from examples.demo.spellings import chance
from examples.demo.story import MATTERS, PLAIN_SOURCES, SHARES

if TYPE_CHECKING:
    from examples.demo.cast import Item
    from examples.demo.story import Story

COUNTS = {
    "two_hotlines": 180,
    "three_hotlines": 8,
    "same_hotline": 80,
    "repeated": 30,
    "revised": 10,
    "known_from_own_verdict": 25,
    "known_from_holders_verdict": 20,
    "known_at_holder": 15,
    "replaced": 6,
    "alias": 8,
    "perhaps_back": 4,
    "late_duplicate": 4,
    "counted_again": 3,
    "several_countries": 30,
    "other_matter": 12,
    "account": 5,
    "hashes_alone": 4,
    "child_at_risk": 6,
    "moving": 8,
    "servfail": 2,
    "hashes_later": 12,
    "canary": 4,
}
"""How many cases each scenario has when there are 2,500 reports."""

LEAST = {"moving": 2}
"""How many cases a scenario has at least, where that is not one: one by each of two finders."""

REPORTS_ADDED = {"three_hotlines": 2, "child_at_risk": 0, "hashes_later": 0}
"""How many reports a case adds, where that is not one."""


def counts(total: int) -> dict[str, int]:
    """Scale `COUNTS` to `total` reports; each scenario keeps at least one case."""
    return {
        name: max(LEAST.get(name, 1), round(count * total / 2500)) for name, count in COUNTS.items()
    }


def added_reports(total: int) -> int:
    """Return how many reports the scenarios add to the ordinary ones."""
    added = sum(REPORTS_ADDED.get(name, 1) * count for name, count in counts(total).items())
    return added + MOVING_AFTERWARDS


MOVING_AFTERWARDS = 5


def play(story: Story, total: int) -> None:
    """Add all scenarios to the story."""
    how_many = counts(total)
    for name, scenario in SCENARIOS.items():
        for _ in range(how_many[name]):
            scenario(story)
    moving(story, how_many["moving"])


def two_hotlines(story: Story) -> None:
    """Two members report the same URL, spelled anyhow; hashes on both sides, one, or none."""
    (item,) = story.take(1, in_country=True)
    item.scenario = "two_hotlines"
    _reported_too(story, item, *story.other_member(item.finders[0]))


def three_hotlines(story: Story) -> None:
    """Three members report the same URL."""
    (item,) = story.take(1, in_country=True)
    item.scenario = "three_hotlines"
    for _ in range(2):
        _reported_too(story, item, *story.other_member(*item.finders))


def _reported_too(story: Story, item: Item, member: str, half: int) -> None:
    brings_hashes = item.content is None and item.kind != "page" and chance(story.random, 25)
    form = "ndjson" if brings_hashes or chance(story.random, 60) else "csv"
    if brings_hashes:
        item.content = make_hashes(story.random, item.kind)
    hashes = item.content if form == "ndjson" and chance(story.random, 60) else None
    report = story.open_report(member, half, form)
    story.hand_in(report, item, "first", item.content if brings_hashes else hashes)


def same_hotline(story: Story) -> None:
    """One member gets the same URL twice, under another reference."""
    (item,) = story.take(1)
    item.scenario = "same_hotline"
    first = item.hand_ins[0].report
    half = max(first.half, story.random.choice((1, 2)))
    form = "ndjson" if chance(story.random, 50) else "csv"
    hashes = item.content if form == "ndjson" else None
    story.hand_in(story.open_report(first.member, half, form), item, "again", hashes)


def repeated(story: Story) -> None:
    """The very same line is handed in again with the second half's file: nothing changes."""
    (item,) = story.take(1, half=1, form="csv")
    item.scenario = "repeated"
    before = item.hand_ins[0]
    report = story.open_report(before.report.member, 2, "csv")
    report.source, report.reference = before.report.source, before.report.reference
    again = story.hand_in(report, item, "repeated", None)
    again.access = before.access


def revised(story: Story) -> None:
    """The same reference and location again, now with the hashes that were missing."""
    (item,) = story.take(1, half=1, with_hashes=False, kind_not="page")
    item.scenario = "revised"
    item.stays_open = True
    before = item.hand_ins[0]
    item.content = make_hashes(story.random, item.kind)
    report = story.open_report(before.report.member, 2, "ndjson")
    source = before.report.source
    report.source = PLAIN_SOURCES.get(source, source)
    report.reference = before.report.reference
    again = story.hand_in(report, item, "revised", item.content)
    again.access = before.access


def known_from_own_verdict(story: Story) -> None:
    """The finder assessed the content in its own file; later it finds it at a new address."""
    (old,) = story.take(1, half=1, with_hashes=True, form="ndjson")
    old.hand_ins[0].assessed = True
    old.verdict_by = old.finders[0]
    _found_elsewhere(story, old, old.finders[0], "known_from_own_verdict")


def known_from_holders_verdict(story: Story) -> None:
    """The holder's verdict came back to the finder, which then finds the content elsewhere."""
    (old,) = story.take(1, half=1, with_hashes=True, local=False, in_country=True, holder_not=AWAY)
    old.assessed_first_half = True
    _found_elsewhere(story, old, old.finders[0], "known_from_holders_verdict")


def known_at_holder(story: Story) -> None:
    """A third member finds, in the same country, what the holder has assessed: known there only."""
    (old,) = story.take(1, half=1, with_hashes=True, local=False, in_country=True, holder_not=AWAY)
    old.assessed_first_half = True
    member, _ = story.other_member(old.finders[0], old.holder)
    report = story.open_report(member, 2, "ndjson")
    new = story.new_item(story.site_for(old.holder), "ndjson", dict(old.content or {}), old.kind)
    new.scenario, new.free = "known_at_holder", False
    new.known_as, new.known_at = old, old.holder
    story.first(report, new)


def _found_elsewhere(story: Story, old: Item, member: str, scenario: str) -> None:
    report = story.open_report(member, 2, "ndjson")
    new = story.new_item(story.any_site_in_country(), "ndjson", dict(old.content or {}), old.kind)
    new.scenario, new.free = scenario, False
    new.known_as, new.known_at = old, member
    story.first(report, new)


def replaced(story: Story) -> None:
    """Another content at the same place: a new item, which replaces the old one."""
    (old,) = story.take(1, half=1, with_hashes=True)
    old.stays_open = True
    report = story.open_report(old.finders[0], 2, "ndjson")
    new = story.new_item(old.site, "ndjson", make_hashes(story.random, old.kind), old.kind)
    new.location, new.replaces = old.location, old
    new.scenario, new.free = "replaced", False
    story.first(report, new)


def alias(story: Story) -> None:
    """The same content at the same path with another query: the same item."""
    (item,) = story.take(1, half=1, with_hashes=True)
    item.scenario, item.stays_open = "alias", True
    report = story.open_report(item.finders[0], 2, "ndjson")
    story.hand_in(report, item, "again", item.content, story.alias_of(item))


def perhaps_back(story: Story) -> None:
    """Closed as gone, and found again afterwards: in front of a person."""
    item = _closed(story, "removed", "perhaps_back")
    report = story.open_report(item.finders[0], 2, "ndjson")
    story.hand_in(report, item, "again", item.content).found_ms = None


def late_duplicate(story: Story) -> None:
    """Closed as gone, and reported by somebody who saw it before: a sighting only."""
    item = _closed(story, "removed", "late_duplicate")
    report = story.open_report(item.finders[0], 2, "ndjson")
    story.hand_in(report, item, "again", item.content)


def counted_again(story: Story) -> None:
    """Found to be legal, and reported again: counted."""
    item = _closed(story, "not_illegal", "counted_again")
    report = story.open_report(item.finders[0], 2, "ndjson")
    story.hand_in(report, item, "again", item.content)


def _closed(story: Story, how: str, scenario: str) -> Item:
    (item,) = story.take(1, half=1, local=True, holder_not=AWAY, with_hashes=True)
    item.closes, item.scenario = how, scenario
    return item


def several_countries(story: Story) -> None:
    """One report whose items are hosted in four countries, one of them without a member."""
    member, half = story.random.choice(list(SHARES))
    form = story.random.choice(("csv", "ndjson"))
    report = story.open_report(member, half, form)
    for country in story.random.sample(("NL", "DE", "GB", "FR"), 3):
        story.first(report, story.new_item(story.plain_site(country), form))
    story.first(report, story.new_item(story.site_of("orphan"), form))
    for hand_in in report.hand_ins:
        hand_in.item.scenario = "several_countries"


def other_matter(story: Story) -> None:
    """A report about something else: counted where it came in, never routed."""
    member, half = story.random.choice(list(SHARES))
    report = story.open_report(member, half, "ndjson")
    item = story.new_item(story.plain_site("NL"), "csv")
    item.matter, item.scenario, item.free = story.random.choice(MATTERS), "other_matter", False
    story.first(report, item)


def account(story: Story) -> None:
    """An account on a service, without any URL."""
    member, half = story.random.choice(list(SHARES))
    report = story.open_report(member, half, "ndjson")
    item = story.new_item(None, "csv", kind="text")
    item.location = f"service:synthetic-chat/user_{story.random.randrange(10**6)}_{item.key}"
    item.scenario, item.free = "account", False
    story.first(report, item).spelled = item.location


def hashes_alone(story: Story) -> None:
    """A victim gives the hashes of a file, and no place."""
    member, half = story.random.choice(list(SHARES))
    report = story.open_report(member, half, "ndjson")
    report.source = "victim"
    item = story.new_item(None, "ndjson", make_hashes(story.random, "image"), "image")
    item.scenario, item.free = "hashes_alone", False
    story.first(report, item)


def child_at_risk(story: Story) -> None:
    """Somebody may be abused now: passes everything else."""
    (item,) = story.take(1, form="ndjson", in_country=True)
    item.scenario = "child_at_risk"
    item.hand_ins[0].report.child_at_risk = True


def servfail(story: Story) -> None:
    """The site's name servers fail all the time: waiting, visibly, at the finder."""
    report = story.open_report("gb-iwf", 1, "ndjson")
    item = story.new_item(story.site_of("servfail"), "ndjson")
    item.scenario, item.free = "servfail", False
    story.first(report, item)


def hashes_later(story: Story) -> None:
    """The finder computes hashes afterwards, and adds them by the API: the holder gets them too."""
    (item,) = story.take(1, half=1, with_hashes=False, kind_not="page", local=False)
    item.scenario, item.stays_open = "hashes_later", True
    item.content = make_hashes(story.random, item.kind)
    item.hashes_added_by = item.finders[0]


def canary(story: Story) -> None:
    """Goes the common way, with words that are looked for afterwards wherever they must not be."""
    form = story.random.choice(("csv", "ndjson"))
    report = story.open_report("gb-iwf", 1, form)
    site = story.site_of("idn")
    item = story.new_item(site, form, kind="image")
    item.scenario, item.free = "canary", False
    word = f"canary-{story.random.randbytes(8).hex()}"
    item.location = f"{site.scheme}://{site.host}/{word}/{item.key}.jpg"
    if form == "ndjson":
        item.content = make_hashes(story.random, "image")
        report.note = f"Synthetic note of {word}."
    report.workuser = f"{word}@gb-iwf.example"
    made = story.first(report, item)
    made.spelled = item.location.replace(site.host, site.spelled)
    made.access = {"referrer": f"http://links.example/{word}"}
    if form == "ndjson":
        made.access |= {"user_name": "guest", "password": f"secret of {word}"}
    story.canaries.append(item)


def moving(story: Story, count: int) -> None:
    """A site that goes from NL to DE between the halves; `MOVING_AFTERWARDS` reports follow."""
    site = story.site_of("moving")
    moved: list[Item] = []
    for number in range(count):
        report = story.open_report("nl-eokm" if number % 4 == 0 else "gb-iwf", 1, "ndjson")
        item = story.new_item(site, "ndjson")
        item.scenario, item.free, item.stays_open = "moving", False, True
        story.first(report, item)
        moved.append(item)
    for _ in range(2):
        item = story.new_item(site, "ndjson")
        item.scenario, item.free = "moved_before", False
        story.first(story.open_report("gb-iwf", 2, "ndjson"), item)
    by_gb = [item for item in moved if item.finders == ["gb-iwf"]] or moved
    for member, item in zip(("gb-iwf", "fr-pdc", "de-eco"), by_gb * 3, strict=False):
        report = story.open_report(member, 2, "csv")
        outcome = "again" if member in item.finders else "first"
        story.hand_in(report, item, outcome, None)


SCENARIOS = {
    "two_hotlines": two_hotlines,
    "three_hotlines": three_hotlines,
    "same_hotline": same_hotline,
    "repeated": repeated,
    "revised": revised,
    "known_from_own_verdict": known_from_own_verdict,
    "known_from_holders_verdict": known_from_holders_verdict,
    "known_at_holder": known_at_holder,
    "replaced": replaced,
    "alias": alias,
    "perhaps_back": perhaps_back,
    "late_duplicate": late_duplicate,
    "counted_again": counted_again,
    "several_countries": several_countries,
    "other_matter": other_matter,
    "account": account,
    "hashes_alone": hashes_alone,
    "child_at_risk": child_at_risk,
    "servfail": servfail,
    "hashes_later": hashes_later,
    "canary": canary,
}
