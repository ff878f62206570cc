"""What must be loaded to judge what other members sent."""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Needs
from node.casework.contents.wanting import want_alike, want_item
from node.casework.incoming.hearing import is_plain
from node.casework.incoming.naming import Citation
from node.casework.incoming.reading import Parsed
from node.matching.fingerprints import Fingerprints, content_keys
from protocol.dispositions import Dispositions
from protocol.messages import Item, Message, Outcome, Sighted, Withdrawal
from protocol.vocabulary import OutcomeWhat


def judging_needs(parsed: Iterable[Parsed], fingerprints: Fingerprints) -> Needs:
    """Say what must be loaded to judge these entries."""
    needs = Needs()
    for one in parsed:
        message = one.message
        item_id = getattr(message, "item_id", None)
        if item_id is not None:
            needs.named[item_id] = fingerprints.item(item_id)
            if not isinstance(message, Item):
                needs.ends.add((item_id, one.arrived.peer))
        erased_ms = erased_ms_of(one)
        if erased_ms is not None:
            needs.erasures.add((one.arrived.peer, erased_ms))
        if isinstance(message, Item):
            want_item(needs, message, fingerprints)
        elif isinstance(message, Withdrawal) or _is_of_a_verdict(message):
            needs.alike.add(item_id or "")
            needs.keys.add(fingerprints.verdict(getattr(message, "event_id", "")))
        elif isinstance(message, Sighted) and message.content is not None:
            want_alike(needs, (message.content,), fingerprints)
            needs.alike_by.update(content_keys(fingerprints, (message.content,)))
        elif isinstance(message, Dispositions):
            origin = (one.arrived.peer, message.origin_lane, message.origin_epoch)
            needs.cited.append(Citation(*origin, message.cited, is_plain(message, origin[0])))
    return needs


def erased_ms_of(parsed: Parsed) -> int | None:
    """When a member says that it erased an item itself; None: it says no such thing."""
    message = parsed.message
    erased = isinstance(message, Outcome) and message.what is OutcomeWhat.ERASED
    return getattr(message, "at_ms", None) if erased else None


def _is_of_a_verdict(message: Message | None) -> bool:
    """Whether it changes what is said of others with that content: a verdict, a withdrawal."""
    return isinstance(message, Outcome) and (
        message.assessment is not None or message.what is OutcomeWhat.WITHDRAWN
    )
