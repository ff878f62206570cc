"""§6, §7: what entries say, the bounds of every field, and errors that name fields, not values."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry, messages
from protocol.errors import MalformedError, TooLargeError, UnsayableError
from protocol.facts import Access, Content, Evidence, Hop, Location
from protocol.messages import (
    FORMS,
    KINDS,
    Item,
    Message,
    Sighted,
    UnknownMessage,
    form_of,
    from_body,
    kind_of,
    to_body,
)
from protocol.vocabulary import Disposition, Kind, Lane, Reason, Verdict
from tests.protocol import oracle, samples

KEEP = object()
URL = "https://secret-canary.example/"


def test_7_1_there_is_a_sample_of_every_kind() -> None:
    """The tests below cover every row of the table of kinds."""
    assert {kind_of(message) for message in samples.MESSAGES} == set(KINDS) == set(Kind)


def test_7_1_there_is_a_sample_of_every_form() -> None:
    """And of every version of each kind."""
    assert {form_of(message) for message in samples.MESSAGES} == set(FORMS)


def _read_again(message: Message, body: bytes) -> Message:
    version, kind = form_of(message)
    return from_body(kind, body, version)


@pytest.mark.parametrize("message", samples.MESSAGES, ids=lambda one: type(one).__name__)
def test_6_1_what_is_said_is_read_again(message: Message) -> None:
    """Reading undoes writing, for every kind."""
    assert _read_again(message, to_body(message)) == message


@pytest.mark.parametrize("message", samples.MESSAGES, ids=lambda one: type(one).__name__)
def test_6_1_a_body_is_the_array_of_its_fields(message: Message) -> None:
    """An independent library writes the same bytes from plain values."""
    plain = msgspec.to_builtins(message, builtin_types=(bytes,))
    assert to_body(message) == oracle.pack(plain)


@pytest.mark.parametrize("message", samples.MESSAGES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: [*body, None]])
def test_6_1_a_field_less_or_more_is_malformed(message: Message, change: Any) -> None:
    """A field is never guessed and never ignored; a longer form is another version."""
    body = oracle.pack(change(oracle.unpack(to_body(message))))
    with pytest.raises(MalformedError):
        _read_again(message, body)


def _defaults_left_out() -> bytes:
    plain = oracle.unpack(to_body(samples.ITEM))
    plain[5] = plain[5][:1]
    return oracle.pack(plain)


BODY = to_body(samples.ITEM)
ELSE = "Somebody Else"
NOT_CANONICAL = {
    "nothing": b"",
    "trailing byte": BODY + b"\xc0",
    "cut": BODY[:-1],
    "over-long array header": b"\xdc\x00\x14" + BODY[1:]
    if BODY[0] != 0xDC
    else b"\xdd\0\0" + BODY[1:],
    "revision in two bytes": BODY.replace(b"\x00\xa4csam", b"\xcc\x00\xa4csam"),
    "matter with an over-long header": BODY.replace(b"\xa4csam", b"\xd9\x04csam"),
    "trailing defaults left out": _defaults_left_out(),
    "text that is not UTF-8": BODY.replace(b"open, then", b"\xff\xff\xff\xff, then"),
    "sixty thousand deep": b"\x91" * 60_000,
    "map": oracle.pack({"item_id": samples.ITEM_ID}),
    "number": b"\x01",
}


@pytest.mark.parametrize("body", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_4_2_a_body_that_is_not_canonical_is_malformed(body: bytes) -> None:
    """Each of them decodes to the same item, or crashes, in some library."""
    assert body != BODY
    with pytest.raises(MalformedError, match=r"^item"):
        from_body(Kind.ITEM, body)


WRONG_FIELDS: list[tuple[list[int], Any, str]] = [
    ([0], "gb-iwf.not-a-ulid", "item.item_id"),
    ([0], f"gb-iwf.{samples.ULID}\n", "item.item_id"),
    ([0], samples.ITEM_ID.lower(), "item.item_id"),
    ([1], None, "item.report_id"),
    ([2], -1, "item.revision"),
    ([2], 1 << 53, "item.revision"),
    ([2], True, "item.revision"),
    ([3], URL, "item.matter"),
    ([4], URL, "item.item_kind"),
    ([5], None, "item.location"),
    ([5, 0], None, "item.location.canonical"),
    ([5, 0], "", "item.location.canonical"),
    ([5, 0], "https://" + "a" * 8192, "item.location.canonical"),
    ([5, 0], "https://\u00e4.example/", "item.location.canonical"),
    ([5, 0], "https://a.example/\0", "item.location.canonical"),
    ([5, 2], "\u00e4" * 4097, "item.location.raw"),
    ([5, 2], "https://a.example/\0", "item.location.raw"),
    ([5, 3], "telegram", "item.location.service"),
    ([6, 0], [None] * 6, "item.content.0.sha256"),
    ([6, 0, 0], b"\1" * 31, "item.content.0.sha256"),
    ([6, 0, 0], "a" * 32, "item.content.0.sha256"),
    ([6, 0, 1], b"\1" * 21, "item.content.0.sha1"),
    ([6, 0, 2], b"\1" * 15, "item.content.0.md5"),
    ([6, 0, 3], 1.5, "item.content.0.length"),
    ([6, 0, 5], 101, "item.content.0.pdq_quality"),
    ([6, 0, 5], None, "item.content.0.pdq_quality"),
    ([6], [[b"\1" * 32, None, None, None, None, None]] * 5, "item.content"),
    ([7, 1], "x" * 4097, "item.access.steps"),
    ([7, 1], "a\0", "item.access.steps"),
    ([7], [None] * 6, "item.access.referrer"),
    ([7, 4], "nl", "item.access.vantage"),
    ([8], "nobody", "item.source"),
    ([9], "Free text about somebody", "item.found_via"),
    ([11], -1, "item.found_ms"),
    ([11], 253_402_300_800_000, "item.found_ms"),
    ([13], 1, "item.child_at_risk"),
    ([14], "GB-IWF", "item.finder"),
    ([15], [], "item.custody"),
    ([15, 0, 0], "gb_iwf", "item.custody.0.member"),
    ([15], [["gb-iwf", 1]] * 33, "item.custody"),
    ([16, 0], "nowhere", "item.jurisdiction.state"),
    ([16, 1], "UK", "item.jurisdiction.country"),
    ([16, 1], "EL", "item.jurisdiction.country"),
    ([16, 1], None, "item.jurisdiction.country"),
    ([16, 3, 0, 0], "x" * 257, "item.jurisdiction.evidence.0.input"),
    ([17, 0, 3], "law-of-x", "item.assessments.0.law"),
    ([17, 0, 2], "unassessable", "item.assessments.0.reason"),
    ([17, 0, 2], "national", "item.assessments.0.law"),
    ([17, 0, 4], ["A label"], "item.assessments.0.labels.0"),
    ([18, 0, 2], "burnt", "item.actions.0.action"),
    ([19, 0, 2], URL, "item.sightings.0.source"),
]


def _item_with(path: list[int], value: Any) -> bytes:
    plain = copy.deepcopy(oracle.unpack(BODY))
    node = plain
    for position in path[:-1]:
        node = node[position]
    node[path[-1]] = value
    return oracle.pack(plain)


@pytest.mark.parametrize(("path", "value", "field"), WRONG_FIELDS)
def test_6_2_a_field_out_of_its_bounds_is_named(path: list[int], value: Any, field: str) -> None:
    """The sender learns which field to mend."""
    with pytest.raises(MalformedError) as caught:
        from_body(Kind.ITEM, _item_with(path, value))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("path", "value", "mend"),
    [
        ([18, 0, 2], "burnt", "must be one of the listed words"),
        ([17, 0, 2], "national", "must be present exactly when the verdict is 'national'"),
        ([19, 0, 2], 7, "expected `str`, got `int`"),
    ],
)
def test_6_2_the_mend_is_said_in_small_letters(path: list[int], value: Any, mend: str) -> None:
    """Behind the field, alone and in the text of the error."""
    with pytest.raises(MalformedError) as caught:
        from_body(Kind.ITEM, _item_with(path, value))
    assert caught.value.mend == mend
    assert str(caught.value) == f"{caught.value.field}: {mend}"


def test_6_2_a_field_that_we_may_not_say_is_named() -> None:
    """Intake learns which field to mend, as a peer would."""
    with pytest.raises(UnsayableError, match=r"^item\.campaign: "):
        to_body(msgspec.structs.replace(samples.ITEM, campaign="A label"))


def test_6_1_an_unknown_message_has_the_form_it_came_in() -> None:
    """It is kept and answered under the version and kind that its sender gave it."""
    assert form_of(UnknownMessage(7, 99, b"\x90")) == (7, 99)


@pytest.mark.parametrize(("path", "value", "field"), WRONG_FIELDS)
def test_6_2_an_error_never_contains_the_value(path: list[int], value: Any, field: str) -> None:
    """No address, hash or personal data gets into a log through an exception."""
    with pytest.raises(MalformedError) as caught:
        from_body(Kind.ITEM, _item_with(path, value))
    assert "canary" not in str(caught.value)
    assert "Free text" not in str(caught.value)


@pytest.mark.parametrize(("path", "value", "field"), WRONG_FIELDS)
def test_10_1_the_field_at_fault_can_be_told_to_the_sender(
    path: list[int], value: Any, field: str
) -> None:
    """It travels as the reason of a `malformed` disposition."""
    del path, value
    note = msgspec.structs.replace(
        samples.DISPOSITION, disposition=Disposition.MALFORMED, reason=field
    )
    assert from_body(Kind.DISPOSITION, to_body(note)) == note


def test_6_2_an_item_has_a_location_or_a_content() -> None:
    """An item with neither is nothing that anybody could act upon."""
    bare = msgspec.structs.replace(samples.ITEM, location=samples.LOCATION, content=())
    assert from_body(Kind.ITEM, to_body(bare)) == bare
    with pytest.raises(ValueError, match="location"):
        msgspec.structs.replace(bare, location=Location())


def test_6_2_a_report_of_hashes_alone_is_an_item() -> None:
    """A victim may know the file and not the place."""
    hashes = msgspec.structs.replace(samples.ITEM, location=Location())
    assert from_body(Kind.ITEM, to_body(hashes)) == hashes


@pytest.mark.parametrize(
    "wrong",
    [
        msgspec.structs.replace(samples.ITEM, finder=ELSE, custody=(Hop(ELSE, 1),)),
        msgspec.structs.replace(samples.ITEM, custody=()),
        msgspec.structs.replace(samples.ITEM, campaign="\ud800"),
        msgspec.structs.replace(samples.ITEM, revision=1 << 70),
        msgspec.structs.replace(samples.ITEM, found_ms=-1),
        msgspec.structs.replace(samples.ITEM, assessments=(samples.ASSESSMENT,) * 13),
    ],
)
def test_6_2_we_never_say_what_others_would_refuse(wrong: Item) -> None:
    """Our own message is checked against the same bounds before it goes into the log."""
    with pytest.raises(UnsayableError, match=r"^item"):
        to_body(wrong)


def test_6_2_the_largest_item_fits_into_an_entry() -> None:
    """No bound, taken to its end, makes an item that cannot be delivered."""
    wide, code, member = "\U0001f511", "x" * 64, "gb-" + "x" * 16
    subject = f"{member}.{samples.ULID}"
    latest = 253_402_300_799_999
    evidence = (Evidence("x" * 256, "x" * 32, "x" * 32, wide * 16),) * 24
    assessment = samples.ASSESSMENT.__class__(
        subject,
        member,
        Verdict.NATIONAL,
        code,
        (code,) * 16,
        Reason.REMOVED_BEFORE_ASSESSMENT,
        latest,
    )
    largest = msgspec.structs.replace(
        samples.ITEM,
        item_id=subject,
        report_id=subject,
        location=Location("x" * 8192, 1, wide * 2048, wide * 128, wide * 256),
        content=(Content(b"x" * 32, b"x" * 20, b"x" * 16, (1 << 53) - 1, b"x" * 32, 100),) * 4,
        access=Access(wide * 1024, wide * 512, wide * 256, wide * 128, "NL", wide * 128),
        finder=member,
        found_via=code,
        campaign=code,
        custody=(Hop(member, latest),) * 32,
        jurisdiction=msgspec.structs.replace(samples.JURISDICTION, evidence=evidence),
        assessments=(assessment,) * 12,
        actions=(msgspec.structs.replace(samples.ACTION, event_id=subject, member=member),) * 48,
        sightings=(
            msgspec.structs.replace(samples.SIGHTING, sighting_id=subject, member=member),
        ) * 48,
    )  # fmt: skip
    assert len(samples.raw_entry(largest)) <= entry.MAX_ENTRY_BYTES


def test_7_3_an_unknown_kind_is_kept_as_it_is() -> None:
    """Not dropped, not refused: its bytes wait for the version that can read them."""
    body = oracle.pack(["a thing of the future", [1, None]])
    assert from_body(99, body) == UnknownMessage(1, 99, body)
    assert to_body(UnknownMessage(1, 99, body)) == body


def test_7_3_an_unknown_version_of_a_known_kind_is_kept() -> None:
    """Version 2 of an item is no item of ours."""
    assert from_body(Kind.ITEM, BODY, version=3) == UnknownMessage(3, Kind.ITEM, BODY)


def test_7_3_an_unknown_kind_must_be_canonical_all_the_same() -> None:
    """What nobody can read yet is hashed and compared already."""
    with pytest.raises(MalformedError):
        from_body(99, b"\xcc\x01")


def test_7_3_reading_an_entry_gives_its_message() -> None:
    """`read` is what a receiver calls on bytes that arrived."""
    raw = samples.raw_entry(samples.ITEM)
    parts, message = messages.read(raw)
    assert (parts.kind, message) == (Kind.ITEM, samples.ITEM)
    with pytest.raises(TooLargeError):
        messages.read(raw, max_bytes=len(raw) - 1)


def test_7_2_dispositions_are_never_answered() -> None:
    """Otherwise two nodes would answer each other for ever."""
    assert not messages.is_answered(1, Kind.DISPOSITION)
    assert not any(rule.answered for kind, rule in KINDS.items() if kind < 16)


def test_7_2_items_sightings_and_withdrawals_are_answered() -> None:
    """A sender always learns how these were judged."""
    answered = {Kind(kind) for kind, rule in KINDS.items() if rule.answered}
    assert answered == {Kind.ITEM, Kind.SIGHTED, Kind.WITHDRAWAL}


def test_7_2_what_we_do_not_know_is_answered() -> None:
    """The sender of a newer version learns that we wait for an upgrade."""
    assert messages.is_answered(1, 99)
    assert messages.is_answered(2, Kind.DISPOSITION)


def test_7_1_items_do_not_travel_on_the_status_lane() -> None:
    """Each kind has its lanes; the channel's own kinds travel on all."""
    assert messages.belongs_to(Kind.ITEM, Lane.REPORTS)
    assert not messages.belongs_to(Kind.ITEM, Lane.STATUS)
    assert all(messages.belongs_to(Kind.EPOCH_OPEN, lane) for lane in Lane)
    assert messages.belongs_to(99, Lane.BULK)


def test_6_4_an_outcome_carries_what_it_speaks_of() -> None:
    """Each `what` has its own payload, and only that."""
    assert samples.OUTCOME.payload == samples.ASSESSMENT
    with pytest.raises(ValueError, match="assessment"):
        msgspec.structs.replace(samples.OUTCOME, assessment=None)
    with pytest.raises(ValueError, match="action"):
        msgspec.structs.replace(samples.OUTCOME, action=samples.ACTION)
    with pytest.raises(ValueError, match="moved"):
        msgspec.structs.replace(samples.MOVED, moved=None)


def test_10_2_every_answer_of_the_duplicate_table_has_a_code() -> None:
    """A code for each row, and for entries that could not be judged."""
    assert len(Disposition) == len(set(Disposition)) >= 25


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=80))
def test_4_2_arbitrary_bytes_are_malformed_or_canonical(kind: int, body: bytes) -> None:
    """No bytes crash the reader, and none but the canonical ones pass."""
    try:
        message = from_body(kind, body)
    except MalformedError:
        return
    assert to_body(message) == body


@given(st.integers(0, len(BODY) - 1), st.integers(0, 255))
def test_4_2_a_changed_byte_is_refused_or_means_something_else(at: int, value: int) -> None:
    """No two bodies mean the same item."""
    changed = BODY[:at] + bytes((value,)) + BODY[at + 1 :]
    try:
        message = from_body(Kind.ITEM, changed)
    except MalformedError:
        return
    assert (message == samples.ITEM) == (changed == BODY)


@pytest.mark.parametrize(
    "part",
    [
        {"sha256": b"x" * 32},
        {"sha1": b"x" * 20},
        {"md5": b"x" * 16},
        {"pdq": b"x" * 32, "pdq_quality": 0},
    ],
)
def test_6_3_one_hash_makes_a_content(part: dict[str, Any]) -> None:
    """Sources bring what they have."""
    item = msgspec.structs.replace(samples.ITEM, content=(Content(**part),))
    assert from_body(Kind.ITEM, to_body(item)) == item


@pytest.mark.parametrize("part", [{"vantage": "NL"}, {"steps": "x" * 4096, "referrer": "x" * 4096}])
def test_6_3_any_hint_makes_an_access(part: dict[str, Any]) -> None:
    """Up to 8192 bytes in all."""
    item = msgspec.structs.replace(samples.ITEM, access=Access(**part))
    assert from_body(Kind.ITEM, to_body(item)) == item


@pytest.mark.parametrize("name", ["input", "source", "version", "answer"])
def test_6_3_a_line_of_evidence_is_short_and_plain(name: str) -> None:
    """At most 384 bytes in all, and no U+0000 in any part of it."""
    with pytest.raises(ValueError, match="384"):
        msgspec.structs.replace(samples.EVIDENCE, **{name: "a\0b"})
    with pytest.raises(ValueError, match="384"):
        msgspec.structs.replace(samples.EVIDENCE, **{name: "x" * 384})
    assert len(Evidence("x" * 256, "x" * 64, "x" * 32, "x" * 32).input) == 256


def test_6_2_bytes_that_are_no_message_are_not_quoted() -> None:
    """What a decoder says of them may contain them."""
    for body in (b"", b"\xc1", BODY[:-1], BODY.replace(b"open, then", b"\xff" * 10)):
        with pytest.raises(MalformedError, match=r"^item: must be complete MessagePack"):
            from_body(Kind.ITEM, body)


def test_6_4_a_later_sighting_says_something() -> None:
    """A sighting, a content, an access or child_at_risk: one is enough, none is nothing."""
    for one in (
        Sighted(samples.ITEM_ID, samples.SIGHTING, None, None, child_at_risk=False),
        Sighted(samples.ITEM_ID, None, samples.CONTENT, None, child_at_risk=False),
        Sighted(samples.ITEM_ID, None, None, samples.ACCESS, child_at_risk=False),
        Sighted(samples.ITEM_ID, None, None, None, child_at_risk=True),
    ):
        assert from_body(Kind.SIGHTED, to_body(one)) == one
    with pytest.raises(ValueError, match="sighting"):
        Sighted(samples.ITEM_ID, None, None, None, child_at_risk=False)
