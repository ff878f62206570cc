"""The messages of docs/protocol.md §6, field by field, written from its tables alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from tests.second.basics import RefusedError, need

Check = Callable[[Any], None]

LAST_MS = 253_402_300_799_999
"""The end of the year 9999 (§3.4)."""

EMPTY_ROOT = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def number(least: int = 0, most: int = (1 << 53) - 1) -> Check:
    """§6.2: a number."""
    return lambda value: need(type(value) is int and least <= value <= most, "number")


def octets(length: int) -> Check:
    """Bytes of one length."""
    return lambda value: need(isinstance(value, bytes) and len(value) == length, "bytes")


def text(most: int) -> Check:
    """Text that is not empty."""
    return lambda value: need(isinstance(value, str) and 1 <= len(value) <= most, "text")


def plain(most: int) -> Check:
    """Text without control characters but line feeds (§6.4)."""
    controls = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]")

    def judge(value: Any) -> None:
        text(most)(value)
        need(not controls.search(value), "control character")

    return judge


def form(pattern: str) -> Check:
    """Text of one form."""
    return lambda value: need(isinstance(value, str) and re.fullmatch(pattern, value), "form")


def words(listed: str) -> Check:
    """§6.5: a word of a closed list."""
    return lambda value: need(isinstance(value, str) and value in listed.split(), "word")


def maybe(check: Check) -> Check:
    """Nil, or what the check takes."""
    return lambda value: None if value is None else check(value)


def many(least: int, most: int, check: Check) -> Check:
    """A list."""

    def judge(value: Any) -> None:
        need(isinstance(value, list) and least <= len(value) <= most, "list")
        for one in value:
            check(one)

    return judge


def message(*checks: Check, rule: Callable[..., object] = lambda *_: True) -> Check:
    """§6.1: exactly these fields, and what binds several of them."""

    def judge(value: Any) -> None:
        need(isinstance(value, list) and len(value) == len(checks), "fields of a message")
        for check, field in zip(checks, value, strict=True):
            check(field)
        need(rule(*value), "rule of a message")

    return judge


def boolean(value: Any) -> None:
    """Check for true or false."""
    need(isinstance(value, bool), "true or false")


def octets_of(*texts: str | None) -> int:
    """Count the bytes of UTF-8."""
    return sum(len(one.encode()) for one in texts if one is not None)


MEMBER = form(r"(?:[a-z]{2}-)?[a-z0-9]{2,16}")
ID = form(r"(?:[a-z]{2}-)?[a-z0-9]{2,16}\.[0-7][0-9A-HJKMNP-TV-Z]{25}")
CODE = form(r"[a-z0-9][a-z0-9_.:-]{0,63}")
COUNTRY = form(r"(?!UK|EL)[A-Z]{2}")
NUMBER, TIME = number(), number(0, LAST_MS)

MATTER = words(
    "csam grooming sextortion sexual_harassment nudism adult hate_speech terrorism spam query other"
)
ITEM_KIND = words("page image video archive live text")
SOURCE = words("public victim helpline proactive crawler partner police industry peer")
STATE = words("country none hidden disputed unresolved")
CONFIDENCE = words("high medium low")
VERDICT = words("baseline national not_illegal unassessable")
ACTION = words(
    "lea_notified host_notified host_claimed removed unavailable moved not_illegal inaccessible"
    " seen_online"
)
REASON = words(
    "not_found removed_before_assessment temporarily_unavailable link_expired referrer_unknown"
    " password paywall login account_disabled geoblocked legally_barred incomplete_archive"
    " image_too_small age_unclear age_over_threshold adult nudism virtual links_only"
    " below_threshold host_replied checked correction error other"
)
WHAT = words("assessed acted moved accepted returned reopened responsible_changed withdrawn erased")
LANE = words("reports status bulk")
DISPOSITION = words(
    "new new_known new_suggested new_replacing new_again duplicate late_duplicate"
    " perhaps_back joined joined_perhaps_back variant alias placeholder counted forwarded"
    " revision echo facts_added withdrawn restricted for_a_person parked quarantined"
    " not_here not_permitted conflict malformed unknown_kind unknown_version"
)

LOCATION = message(
    maybe(text(8192)),
    NUMBER,
    maybe(text(8192)),
    maybe(text(128)),
    maybe(text(256)),
    rule=lambda canonical, _, raw, service, account: (
        (service is None) == (account is None)
        and (canonical is not None or (raw, service) == (None, None))
        and (canonical or "").isascii()
        and octets_of(raw) <= 8192
    ),
)
CONTENT = message(
    maybe(octets(32)),
    maybe(octets(20)),
    maybe(octets(16)),
    maybe(NUMBER),
    maybe(octets(32)),
    maybe(number(0, 100)),
    rule=lambda sha256, sha1, md5, _, pdq, quality: (
        (sha256, sha1, md5, pdq) != (None,) * 4 and (pdq is None) == (quality is None)
    ),
)
ACCESS = message(
    maybe(text(4096)),
    maybe(text(4096)),
    maybe(text(256)),
    maybe(text(256)),
    maybe(COUNTRY),
    maybe(text(256)),
    rule=lambda *all_of: set(all_of) != {None} and octets_of(*all_of) <= 8192,
)
HOP = message(MEMBER, TIME)
EVIDENCE = message(
    text(256),
    text(128),
    text(128),
    maybe(text(128)),
    rule=lambda *all_of: octets_of(*all_of) <= 384,
)
JURISDICTION = message(
    STATE,
    maybe(COUNTRY),
    CONFIDENCE,
    many(0, 24, EVIDENCE),
    rule=lambda state, country, *_: (state == "country") == (country is not None),
)
ASSESSMENT = message(
    ID,
    MEMBER,
    VERDICT,
    maybe(CODE),
    many(0, 16, CODE),
    maybe(REASON),
    TIME,
    rule=lambda _id, _by, verdict, law, _labels, reason, _at: (
        (verdict == "national") == (law is not None)
        and (verdict != "unassessable" or reason is not None)
    ),
)
ACTION_TAKEN = message(ID, MEMBER, ACTION, maybe(REASON), TIME)
MOVED = message(MEMBER, maybe(COUNTRY), many(0, 24, EVIDENCE))
SIGHTING = message(ID, MEMBER, SOURCE, TIME)
KNOWN_CONTENT = message(CONTENT, MEMBER, VERDICT, maybe(CODE), many(0, 16, CODE))

ITEM_FIELDS = (
    ID,
    ID,
    NUMBER,
    MATTER,
    ITEM_KIND,
    LOCATION,
    many(0, 4, CONTENT),
    maybe(ACCESS),
    SOURCE,
    maybe(CODE),
    maybe(CODE),
    TIME,
    TIME,
    boolean,
    MEMBER,
    many(1, 32, HOP),
    JURISDICTION,
    many(0, 12, ASSESSMENT),
    many(0, 48, ACTION_TAKEN),
    many(0, 48, SIGHTING),
)


def _item_rule(*item: Any) -> bool:
    """§6.4: a location or a content; custody begins with the finder."""
    located = item[5][0] is not None
    return (located or bool(item[6])) and item[15][0][0] == item[14]


ALONE = {
    "parked",
    "quarantined",
    "not_here",
    "not_permitted",
    "conflict",
    "malformed",
    "unknown_kind",
    "unknown_version",
}
"""Words that no answer to several entries has (§6.4)."""

FORMS: dict[tuple[int, int], Check] = {
    (1, 1): message(
        maybe(octets(8)),
        NUMBER,
        octets(32),
        rule=lambda epoch, size, root: (epoch is None) == (size == 0) == (root == EMPTY_ROOT),
    ),
    (1, 2): message(NUMBER, NUMBER, octets(32)),
    (1, 3): message(octets(32), NUMBER, octets(32), TIME),
    (1, 16): message(*ITEM_FIELDS, rule=_item_rule),
    (2, 16): message(*ITEM_FIELDS, maybe(TIME), rule=_item_rule),
    (1, 17): message(
        ID,
        maybe(SIGHTING),
        maybe(CONTENT),
        maybe(ACCESS),
        boolean,
        rule=lambda _, *said: any(said),
    ),
    (1, 32): message(
        LANE,
        octets(8),
        NUMBER,
        octets(32),
        maybe(octets(32)),
        DISPOSITION,
        maybe(ID),
        maybe(MEMBER),
        maybe(CODE),
        TIME,
    ),
    (1, 33): message(
        ID,
        ID,
        MEMBER,
        WHAT,
        maybe(ASSESSMENT),
        maybe(ACTION_TAKEN),
        maybe(MOVED),
        maybe(MEMBER),
        TIME,
        TIME,
        rule=lambda _item, _event, _by, what, *said: (
            [name for name, one in zip(("assessed", "acted", "moved"), said, strict=False) if one]
            == [what] * (what in {"assessed", "acted", "moved"})
        ),
    ),
    (1, 34): message(ID, maybe(ID), TIME),
    (1, 35): message(ID, ID, plain(2000), TIME),
    (1, 36): message(
        LANE,
        octets(8),
        DISPOSITION,
        maybe(MEMBER),
        TIME,
        many(1, 1000, message(NUMBER, octets(32))),
        rule=lambda _lane, _epoch, word, _who, _at, cited: (
            word not in ALONE and all(a[0] < b[0] for a, b in itertools.pairwise(cited))
        ),
    ),
    (1, 64): message(
        octets(8),
        NUMBER,
        octets(32),
        NUMBER,
        octets(32),
        rule=lambda _epoch, start, root, end, _end_root: (
            start < end and (start == 0) == (root == EMPTY_ROOT)
        ),
    ),
    (1, 48): message(CODE, NUMBER, NUMBER, many(1, 256, KNOWN_CONTENT), TIME),
    (1, 49): message(
        ASSESSMENT,
        number(0, 15),
        CONTENT,
        rule=lambda assessment, *_: assessment[2] != "unassessable",
    ),
    (1, 50): message(ID, TIME),
}
"""By form (§7.1: version and kind), its message."""

CONTENT_VERDICT = 49
ITEM_PLACE = {16: 0, 17: 0, 32: 6, 33: 0, 34: 0, 35: 0, CONTENT_VERDICT: 0, 50: 0}
"""By kind, the place of `item_id` (§6.4), or of a verdict's `event_id` (§12)."""


def item_of(version: int, kind: int, body: Any) -> str | None:
    """Give the item that a message speaks of, or the verdict on files; unknown forms speak of none.

    Raises:
        RefusedError: the body is not a message of this form.
    """
    check = FORMS.get((version, kind))
    if check is None:
        return None
    try:
        check(body)
    except (TypeError, AttributeError, IndexError):
        raise RefusedError("message") from None
    if kind == CONTENT_VERDICT:
        body = body[0]
    about: str | None = body[ITEM_PLACE[kind]] if kind in ITEM_PLACE else None
    return about
