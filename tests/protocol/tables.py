"""The tables of docs/protocol.md as the code has them, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect

from protocol import dispositions, facts, fields, vocabulary
from protocol.answers import ANSWERS, Answer, Position, Told
from protocol.channel import NEXT, STEPS
from protocol.governance import is_permitted, party
from protocol.lineage import Lineage, Link, SeenHead
from protocol.messages import FORMS, KINDS
from protocol.pull import MAX_WAIT_S, Pull
from protocol.recovery import Recover, Standing, StandingCode
from protocol.showing import Showing, ShownHead, ShownLeaf
from protocol.vocabulary import Kind, Lane, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = (
    facts.Location,
    facts.Content,
    facts.Access,
    facts.Hop,
    facts.Evidence,
    facts.Jurisdiction,
    facts.Assessment,
    facts.ActionTaken,
    facts.Moved,
    facts.Sighting,
    facts.KnownContent,
    dispositions.Cited,
)
ANSWER_PARTS = (
    Answer,
    Told,
    Position,
    Pull,
    Recover,
    Standing,
    Showing,
    ShownHead,
    ShownLeaf,
    Lineage,
    SeenHead,
    Link,
)
WORDS = (
    vocabulary.Matter,
    vocabulary.ItemKind,
    vocabulary.Source,
    vocabulary.HostingState,
    vocabulary.Confidence,
    vocabulary.Verdict,
    vocabulary.Action,
    vocabulary.Reason,
    vocabulary.OutcomeWhat,
)
_NAMED = {
    fields.MEMBER_PATTERN: "member id",
    fields.SUBJECT_PATTERN: "id",
    fields.CODE_PATTERN: "code",
    fields.COUNTRY_PATTERN: "country",
}
_RANGES = {
    (0, fields.MAX_TIME_MS): "time",
    (0, fields.MAX_INTEGER): "number",
    (0, 100): "0 to 100",
    (1, 1): "1",
    (0, MAX_WAIT_S): f"0 to {MAX_WAIT_S}",
}


def describe(node: inspect.Type) -> str:
    """Say in words what a field may hold."""
    match node:
        case inspect.Metadata():
            words = describe(node.type)
        case inspect.UnionType():
            present = [one for one in node.types if not isinstance(one, inspect.NoneType)]
            words = f"{describe(present[0])}, or None"
        case inspect.StructType() | inspect.EnumType():
            words = f"`{node.cls.__name__}`"
        case inspect.VarTupleType():
            least = f"{node.min_length or 0} to {node.max_length}"
            words = f"{least} of {describe(node.item_type)}"
        case inspect.StrType():
            plain = f"text, {node.min_length} to {node.max_length} characters"
            words = plain if node.pattern is None else _NAMED[node.pattern]
        case inspect.IntType():
            words = _RANGES[int(node.ge or 0), int(node.le or 0)]
        case inspect.BytesType():
            exact = node.min_length == node.max_length
            words = f"{node.max_length} bytes" if exact else f"at most {node.max_length} bytes"
        case _:
            assert isinstance(node, inspect.BoolType)
            words = "true or false"
    return words


def field_rows(message: type) -> Iterator[str]:
    """Give one row per field: its place, its name, what it may hold."""
    node = inspect.type_info(message)
    assert isinstance(node, inspect.StructType)
    for place, field in enumerate(node.fields):
        yield f"| {place} | `{field.name}` | {describe(field.type)} |"


def recovery_starts() -> Iterator[str]:
    """Give how the row of each standing of a recovery begins."""
    for code in StandingCode:
        yield f"| `{code}` | "


def kind_rows() -> Iterator[str]:
    """Give the table of kinds."""
    for kind, rule in KINDS.items():
        lanes = "every" if len(rule.lanes) == len(Lane) else ", ".join(sorted(rule.lanes))
        answered = "yes" if rule.answered else "no"
        yield f"| {int(kind)} | `{rule.message.__name__}` | {lanes} | {answered} |"


def form_rows() -> Iterator[str]:
    """Give the table of forms beyond the first of each kind."""
    for form, message in FORMS.items():
        if message is not KINDS[form.kind].message:
            yield f"| {form.version} | {int(form.kind)} | `{message.__name__}` |"


def word_rows() -> Iterator[str]:
    """Give one row per closed list of words."""
    for words in WORDS:
        listed = ", ".join(f"`{word}`" for word in words)
        yield f"| `{words.__name__}` | {listed} |"


def disposition_starts() -> Iterator[str]:
    """Give the start of each row of the table of dispositions; the meaning is prose."""
    for code in vocabulary.Disposition:
        yield f"| `{code}` | "


def answer_rows() -> Iterator[str]:
    """Give the table of answers."""
    for code, row in ANSWERS.items():
        stops = "yes" if row.stops_receiver else "no"
        yield f"| `{code}` | {row.status} | {row.then} | {stops} |"


def step_rows() -> Iterator[str]:
    """Give the receiver's table."""
    for (epoch, size), (step, code) in STEPS.items():
        yield f"| {epoch} | {size} | {step}{f' `{code}`' if code else ''} |"


def standing_rows() -> Iterator[str]:
    """Give the sender's table."""
    for standing, then in NEXT.items():
        yield f"| {standing} | {then.replace('_', ' ')} |"


def permission_rows() -> Iterator[str]:
    """Give the table of who may say what to whom."""
    for one in Role:
        for other in Role:
            for lane in Lane:
                allowed = [
                    f"`{KINDS[kind].message.__name__}`"
                    for kind in Kind
                    if is_permitted(party([one], ["GB"]), party([other], ["GB"]), lane, kind)
                    and len(KINDS[kind].lanes) < len(Lane)
                ]
                if is_permitted(
                    party([one], ["GB"]), party([other], ["GB"]), lane, Kind.EPOCH_OPEN
                ):
                    said = ", ".join(allowed) or "nothing yet"
                    abroad = party([other], ["NL"])
                    if not is_permitted(party([one], ["GB"]), abroad, lane, Kind.EPOCH_OPEN):
                        said += "; in its own country only"
                    yield f"| {one} | {other} | {lane} | {said} |"
