"""Messages to test with: one of each kind, all synthetic."""

from __future__ import annotations

import msgspec

from protocol import entry
from protocol.correspondence import PeerMessage
from protocol.disavowal import Disavow
from protocol.dispositions import Cited, Dispositions
from protocol.facts import (
    Access,
    ActionTaken,
    Assessment,
    Content,
    Evidence,
    Hop,
    Jurisdiction,
    KnownContent,
    Location,
    Moved,
    Sighting,
)
from protocol.merkle import EMPTY_ROOT
from protocol.messages import (
    Contents,
    DispositionNote,
    EpochOpen,
    Item,
    ItemV2,
    Message,
    Outcome,
    RegistrySeen,
    Sighted,
    Tombstone,
    Withdrawal,
    form_of,
    to_body,
)
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import (
    Action,
    Confidence,
    Disposition,
    HostingState,
    ItemKind,
    Lane,
    Matter,
    OutcomeWhat,
    Reason,
    Source,
    Verdict,
)

NODE_SECRET = bytes(range(32))
ULID = "01HQ3ZQX8W4R5T6Y7V8A9BCDEF"
ITEM_ID = f"gb-iwf.{ULID}"
EVENT_ID = f"nl-eokm.{ULID}"
AT_MS = 1_767_225_600_000

CONTENT = Content(b"\x01" * 32, b"\x02" * 20, b"\x03" * 16, 12_345, b"\x04" * 32, 80)
LOCATION = Location("https://img.site7.example/a/b?x=1", 1, "HTTPS://img.site7.example/a/b?x=1#top")
ACCESS = Access("https://board.site7.example/", "open, then wait", None, "open", "NL", None)
EVIDENCE = Evidence("192.0.2.7", "demo-countries", "2026-01-01", "NL")
JURISDICTION = Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, (EVIDENCE,))
ASSESSMENT = Assessment(
    EVENT_ID, "nl-eokm", Verdict.BASELINE, None, ("self-generated",), None, AT_MS
)
ACTION = ActionTaken(EVENT_ID, "nl-eokm", Action.REMOVED, Reason.CHECKED, AT_MS)
SIGHTING = Sighting(EVENT_ID, "nl-eokm", Source.PUBLIC, AT_MS)

ITEM = Item(
    item_id=ITEM_ID,
    report_id=ITEM_ID,
    revision=0,
    matter=Matter.CSAM,
    item_kind=ItemKind.IMAGE,
    location=LOCATION,
    content=(CONTENT,),
    access=ACCESS,
    source=Source.PUBLIC,
    found_via=None,
    campaign=None,
    found_ms=AT_MS,
    received_ms=AT_MS + 1,
    child_at_risk=False,
    finder="gb-iwf",
    custody=(Hop("gb-iwf", AT_MS + 1),),
    jurisdiction=JURISDICTION,
    assessments=(ASSESSMENT,),
    actions=(ACTION,),
    sightings=(SIGHTING,),
)
ITEM_V2 = ItemV2(*(*msgspec.structs.astuple(ITEM), AT_MS + 2))
PEER_MESSAGE = PeerMessage(ITEM_ID, EVENT_ID, "Is the second page the same album?\nÜ.", AT_MS)
OUTCOME = Outcome(
    ITEM_ID, EVENT_ID, "nl-eokm", OutcomeWhat.ASSESSED, ASSESSMENT, None, None, "nl-eokm", AT_MS,
    AT_MS + 5,
)  # fmt: skip
MOVED = Outcome(
    ITEM_ID, EVENT_ID, "nl-eokm", OutcomeWhat.MOVED, None, None,
    Moved("fr-pdc", "FR", (EVIDENCE,)), "fr-pdc", AT_MS, AT_MS,
)  # fmt: skip
DISPOSITION = DispositionNote(
    Lane.REPORTS, b"\x11" * 8, 7, b"\x05" * 32, b"\x06" * 32, Disposition.DUPLICATE, ITEM_ID,
    "nl-eokm", None, AT_MS,
)  # fmt: skip
DISPOSITIONS = Dispositions(
    Lane.REPORTS, b"\x11" * 8, Disposition.NEW, "nl-eokm", AT_MS,
    (Cited(7, b"\x05" * 32), Cited(9, b"\x08" * 32)),
)  # fmt: skip
MESSAGES: tuple[Message, ...] = (
    EpochOpen(None, 0, EMPTY_ROOT),
    EpochOpen(b"\x11" * 8, 3, b"\x05" * 32),
    RegistrySeen(3, 1_000, b"\x07" * 32),
    Tombstone(b"\x06" * 32, 16, b"\x05" * 32, AT_MS),
    ITEM,
    ITEM_V2,
    Sighted(ITEM_ID, SIGHTING, None, None, child_at_risk=False),
    Sighted(ITEM_ID, None, CONTENT, ACCESS, child_at_risk=True),
    DISPOSITION,
    OUTCOME,
    MOVED,
    Withdrawal(ITEM_ID, None, AT_MS),
    PEER_MESSAGE,
    DISPOSITIONS,
    Disavow(b"\x11" * 8, 3, b"\x05" * 32, 7, b"\x07" * 32),
    Contents(
        "demo-list", 1, 0, (KnownContent(CONTENT, "nl-eokm", Verdict.BASELINE, None, ()),), AT_MS
    ),
    ContentVerdict(ASSESSMENT, 0, CONTENT),
    ContentVerdictWithdrawn(EVENT_ID, AT_MS),
)


def raw_entry(message: Message, subject: str = ITEM_ID, receiver: str = "nl-eokm") -> bytes:
    """Give the bytes of an entry that says `message` to `receiver`."""
    version, kind = form_of(message)
    composed = entry.compose(NODE_SECRET, kind, subject, 0, receiver, to_body(message), version)
    return entry.encode(composed)
