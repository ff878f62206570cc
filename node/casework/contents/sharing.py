"""Verdicts on contents, shared with every hotline and heard from each (docs/protocol.md §6.6).

What a person of this member says of an item with hashes is told to all, by its files alone, so that
nobody views the same file twice. Only its giver tells it: nothing that was heard, carried over or
followed from a list goes on.

What a member tells stands in a list of its own, which its operator follows as far as any list
(`listing`). `told_by_members` says what goes in there; the same questions are asked when the entry
is judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.hearing import credible
from node.casework.passing_on.permits import Permits
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.lists import Category, Entry, TakenBack, Told, named
from protocol.facts import Assessment
from protocol.messages import Message, kind_of
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Lane, Verdict

POLICY = "peer_contents"
AT_MOST = 1_000_000
"""Files that are taken of one member unless the network says otherwise: 16 MB of memory."""
_FULL = 5
"""The fullest that a file can be told: what is withdrawn outlasts it."""


def want_told(
    needs: Needs,
    said: Iterable[tuple[str, Message | None]],
    permits: Permits,
    fingerprints: Fingerprints,
) -> None:
    """Need what members say of contents in their lists, and all items that it may concern."""
    at_most = permits.registry.network.policy.get(POLICY, AT_MOST)
    for peer, message in said:
        told = _told(peer, message, permits, at_most)
        if told is not None:
            needs.told.append(told)
            if isinstance(message, ContentVerdict):
                needs.alike_by.update(content_keys(fingerprints, (message.content,)))
                needs.pictures.update(pictures_of((message.content,)))


def _told(peer: str, message: Message | None, permits: Permits, at_most: int) -> Told | None:
    if not isinstance(message, ContentVerdict | ContentVerdictWithdrawn):
        return None
    heard = permits.hears(peer, Lane.BULK, kind_of(message)) and permits.registry.is_active(peer)
    if not heard or permits.read(peer, message) is None or not is_own(peer, message):
        return None
    if isinstance(message, ContentVerdictWithdrawn):
        return Told(peer, _FULL, TakenBack(message.event_id), at_most)
    given = message.assessment
    category = _category(given, neighbours=permits.are_neighbours(peer))
    name = named(given.event_id, message.part)
    entry = Entry(message.content, str(category), given.at_ms, name, given)
    return Told(peer, message.fullness, entry, at_most)


def is_own(peer: str, message: ContentVerdict | ContentVerdictWithdrawn) -> bool:
    """Whether a member speaks of a verdict of its own."""
    if isinstance(message, ContentVerdictWithdrawn):
        return credible(message.event_id, peer)
    return message.assessment.member == peer and credible(message.assessment.event_id, peer)


def _category(given: Assessment, *, neighbours: bool) -> Category:
    if given.verdict is Verdict.NATIONAL:
        return Category.NATIONAL_HERE if neighbours else Category.NATIONAL
    return Category.BASELINE if given.verdict is Verdict.BASELINE else Category.NOT_ILLEGAL


def concerned(book: Casebook, message: ContentVerdict) -> list[str]:
    """Return the items that may have this file."""
    keys = content_keys(book.fingerprints, (message.content,))
    return sorted({state.id for key in keys for state in book.by_key(key)})
