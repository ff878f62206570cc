"""Messages to peers (rule 11), and what is said to members of an older version (G10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from keys.member import Capabilities
from node.casework.errors import DraftRejectedError, MessageUnreadableError, UnknownItemError
from node.casework.item import Informant, KeptMessage
from node.casework.messaging import write_message
from node.casework.passing_on.permits import Permits
from node.casework.passing_on.routing import Choice, Forwarding, hand_on
from node.casework.reports.draft import MessageDraft
from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.facts import ActionTaken
from protocol.messages import ItemV2, read
from protocol.versions import spoken
from protocol.vocabulary import Action, Disposition, Kind, Lane
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    country,
    event_id,
    handed_on,
    ids,
    item,
    network,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import THEIRS, Receiver, answer, item_from

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from node.casework.item import ItemState
    from node.casework.postbox import Postbox

OLD = Capabilities((1,), tuple(kind for kind in Kind if kind != Kind.PEER_MESSAGE))
PEER = "gb-iwf"


def postbox(reads: Capabilities | None) -> Postbox:
    """Return a postbox of a node whose registry says this of the others."""
    registry = network()
    ours = {US: registry.members[US]}
    others = {
        member: replace(document, capabilities=reads)
        for member, document in registry.members.items()
        if reads is not None
    }
    members = others | ours
    return POSTBOX.under(Permits(US, replace(registry, members=members)))


def write(
    made: Casebook, text: str = "Hello", to: str = PEER, *, preview: bool = False
) -> KeptMessage:
    """Write about the one item there is."""
    (item_id,) = made.loaded.items
    draft = MessageDraft(to, text, preview)
    return write_message(made, item_id, draft, ids(), postbox(spoken()))


def theirs(item_id: str, text: str = "Hello", number: int = 40, author: str = PEER) -> PeerMessage:
    """Return a message that arrived."""
    return PeerMessage(item_id, event_id(number, author), text, NOW_MS)


def told_of() -> ItemState:
    """Return an item that the peer told us of under its own id."""
    return item(1, informants=(Informant(PEER, event_id(1, PEER)),))


def item_v2(seen_ms: int) -> ItemV2:
    """Return an item that the peer hands over, last seen online then."""
    return ItemV2(*(*msgspec.structs.astuple(item_from()), seen_ms))


class TestWriting:
    """A person writes, looks at the preview, and sends exactly that."""

    def test_preview_sends_and_records_nothing(self) -> None:
        """It shows what would be sent, word for word."""
        made = book(told_of())
        message = write(made, "One\nline", preview=True)
        assert (message.text, message.item) == ("One\nline", event_id(1, PEER))
        assert (made.posts, made.events) == ([], [])

    def test_rule_11_what_is_sent_is_what_was_previewed(self) -> None:
        """Nothing is added: no name of the analyst, nothing of the report."""
        made = book(told_of())
        shown = write(made, preview=True)
        write(made)
        (post,) = made.posts
        _, sent = read(post.entry)
        assert isinstance(sent, PeerMessage)
        assert (sent.item_id, sent.text) == (shown.item, shown.text)
        assert (post.peer, post.lane) == (PEER, Lane.STATUS)

    def test_longer_than_the_network_permits_is_refused_with_what_to_do(self) -> None:
        """Its author hears so at once; sent, it would stop all that goes to that member."""
        made = book(told_of())
        registry = network()
        limits = replace(registry.network.limits, entry_bytes=1024)
        narrow = replace(registry, network=replace(registry.network, limits=limits))
        draft = MessageDraft(PEER, "a" * 1500, preview=False)
        with pytest.raises(DraftRejectedError, match=r"text: .*write less"):
            write_message(made, event_id(1, PEER), draft, ids(), POSTBOX.under(Permits(US, narrow)))
        assert (made.posts, made.events) == ([], [])

    def test_it_stands_with_the_item_here_too(self) -> None:
        """Colleagues see what was written."""
        made = book(told_of())
        sent = write(made)
        (kept,) = made.loaded.items[event_id(1, PEER)].messages
        assert (kept.message_id, kept.author, kept.to) == (sent.message_id, US, PEER)

    def test_it_goes_under_the_id_that_the_addressee_knows(self) -> None:
        """Our own id of a joined item would tell it nothing."""
        joined = item(1, informants=(Informant("fr-pdc", event_id(7, "fr-pdc")),))
        assert write(book(joined), to="fr-pdc").item == event_id(7, "fr-pdc")

    def test_who_has_the_item_now_can_be_written_to(self) -> None:
        """The forwarder asks the holder."""
        assert write(book(handed_on(item())), to="fr-pdc").item == item().id

    @pytest.mark.parametrize("to", ["fr-pdc", US, "de-eco"])
    def test_rule_11_nobody_else_is_written_to(self, to: str) -> None:
        """Not a member that has no part in the item, not ourselves, not a stranger."""
        with pytest.raises(DraftRejectedError, match="to:"):
            write(book(told_of()), to=to)

    def test_control_characters_are_refused(self) -> None:
        """Before anybody sees a preview of them."""
        with pytest.raises(DraftRejectedError, match="text:"):
            write(book(told_of()), "bell\x07", preview=True)

    def test_unknown_item_is_refused(self) -> None:
        """There is nothing to write about."""
        draft = MessageDraft(PEER, "Hello")
        with pytest.raises(UnknownItemError):
            write_message(book(), event_id(9), draft, ids(), postbox(spoken()))

    @pytest.mark.parametrize("reads", [OLD, None], ids=["an older program", "no document"])
    @pytest.mark.parametrize("preview", [True, False])
    def test_g10_who_cannot_read_it_is_sent_nothing(
        self, reads: Capabilities | None, *, preview: bool
    ) -> None:
        """The author hears so at once, already in the preview, and can telephone."""
        made = book(told_of())
        draft = MessageDraft(PEER, "Hello", preview)
        with pytest.raises(MessageUnreadableError):
            write_message(made, event_id(1, PEER), draft, ids(), postbox(reads))
        assert (made.posts, made.events) == ([], [])


class TestHearing:
    """A message that arrived stands with its item."""

    def test_stands_with_its_item(self) -> None:
        """Who wrote it, and what."""
        receiver = Receiver(told_of())
        receiver(PEER, theirs(event_id(1, PEER), "Is it the same album?"))
        (kept,) = receiver.state(event_id(1, PEER)).messages
        assert (kept.author, kept.to, kept.text) == (PEER, US, "Is it the same album?")

    def test_is_not_answered(self) -> None:
        """People answer messages."""
        receiver = Receiver(told_of())
        assert receiver(PEER, theirs(event_id(1, PEER))).disposition is None
        assert receiver.book.posts == []

    def test_g2_the_same_again_has_no_effect(self) -> None:
        """A message comes once, however often it is sent."""
        receiver = Receiver(told_of())
        receiver(PEER, theirs(event_id(1, PEER)))
        receiver(PEER, theirs(event_id(1, PEER)))
        assert len(receiver.state(event_id(1, PEER)).messages) == 1

    def test_a_message_about_an_item_not_yet_seen_is_parked(self) -> None:
        """Lanes may overtake each other."""
        assert Receiver()(PEER, theirs(event_id(1, PEER))).disposition is Disposition.PARKED

    def test_attack_a_stranger_to_the_item_writes_about_it(self) -> None:
        """Only members that are part of an item's story have something to say of it."""
        receiver = Receiver(told_of())
        told = receiver("fr-pdc", theirs(event_id(1, PEER), author="fr-pdc"))
        assert told.disposition is Disposition.NOT_PERMITTED
        assert receiver.state(event_id(1, PEER)).messages == ()

    def test_attack_a_message_in_another_members_name(self) -> None:
        """Its id bears its author's name: nobody puts words into another's mouth."""
        receiver = Receiver(told_of())
        told = receiver(PEER, theirs(event_id(1, PEER), author="fr-pdc"))
        assert told.disposition is Disposition.NOT_PERMITTED

    def test_g11_only_the_newest_are_kept_at_hand(self) -> None:
        """A member that writes without end makes no item grow without end."""
        receiver = Receiver(told_of())
        for number in range(70):
            receiver(PEER, theirs(event_id(1, PEER), str(number), 100 + number))
        texts = [kept.text for kept in receiver.state(event_id(1, PEER)).messages]
        assert texts == [str(number) for number in range(6, 70)]


class TestItemVersions:
    """G10: an item goes as version 2 to who reads it, and as version 1 to who does not."""

    @pytest.mark.parametrize(("reads", "version"), [(spoken(), 2), (OLD, 1), (None, 1)])
    def test_the_addressees_document_decides(
        self, reads: Capabilities | None, version: int
    ) -> None:
        """And nothing else."""
        made = book(state := item())
        hand_on(
            made,
            state,
            Choice("fr-pdc"),
            country("FR"),
            Forwarding(network(), ids(), postbox(reads)),
        )
        assert entries.decode(made.posts[0].entry).version == version

    @pytest.mark.parametrize("reads", [spoken(), OLD])
    def test_attack_nothing_that_a_peer_sends_lowers_the_version(self, reads: Capabilities) -> None:
        """It may claim not to know a version, and speak the old one: we speak as its document says.

        Whoever stands between two members, or owns one's transport key, can say no more than that.
        """
        receiver = Receiver(handed_on(item()))
        for told in (Disposition.UNKNOWN_VERSION, Disposition.UNKNOWN_KIND):
            receiver("fr-pdc", answer(item().id, told))
            receiver("fr-pdc", answer(None, told))
        receiver("fr-pdc", item_from("fr-pdc", 3, url="https://other.example/1"))
        made = book(state := item(2))
        hand_on(
            made,
            state,
            Choice("fr-pdc"),
            country("FR"),
            Forwarding(network(), ids(), postbox(reads)),
        )
        expected = max(reads.versions)
        assert entries.decode(made.posts[0].entry).version == expected

    def test_rule_9_the_time_it_was_last_seen_online_comes_along(self) -> None:
        """From the forwarder's check to the holder, and on."""
        receiver = Receiver()
        receiver(PEER, item_v2(NOW_MS - 5))
        state = receiver.state(event_id(1, PEER))
        assert state.last_seen_online_ms == NOW_MS - 5

    def test_rule_9_it_only_grows(self) -> None:
        """An older account of a joined item takes nothing back."""
        receiver = Receiver(item(2, told_online_ms=NOW_MS - 3))
        receiver(PEER, item_v2(NOW_MS - 5))
        assert receiver.state(event_id(2, PEER)).last_seen_online_ms == NOW_MS - 3

    def test_rule_9_our_own_check_counts_as_well(self) -> None:
        """The later of what was told and what was seen here."""
        seen = ActionTaken(event_id(80), US, Action.SEEN_ONLINE, None, NOW_MS)
        assert item(told_online_ms=NOW_MS - 3, actions=(seen,)).last_seen_online_ms == NOW_MS

    def test_attack_a_time_of_the_future_is_cut_to_now(self) -> None:
        """Nobody can make an item look as if it had been seen next year."""
        receiver = Receiver()
        receiver(PEER, item_v2(NOW_MS * 2))
        assert receiver.state(event_id(1, PEER)).last_seen_online_ms == NOW_MS

    def test_version_1_says_nothing_of_it(self) -> None:
        """Unknown, not never."""
        receiver = Receiver()
        receiver(PEER, item_from())
        assert receiver.state(event_id(1, PEER)).last_seen_online_ms is None

    def test_10_1_what_was_learnt_is_answered_under_another_id(self) -> None:
        """An older program may have answered `unknown_version` under the leaf: no conflict."""
        receiver, raw = Receiver(), THEIRS.post(PEER, Kind.ITEM, item_from(), subject="x").entry
        receiver.raw(PEER, raw)
        before = entries.entry_id(bytes(32), Kind.DISPOSITION, entries.leaf(raw), 0, PEER)
        assert receiver.book.posts[0].entry_id != before
