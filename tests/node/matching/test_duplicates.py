"""The table of duplicates, row by row (docs/protocol.md §10.2), and what only looks like a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.item import Custody, Informant, ItemState, Listing, Review, TakenOff
from node.matching.duplicates import (
    JOINING,
    NOT_ILLEGAL_STANDS_MS,
    Incoming,
    Judgement,
    goes_on,
    judge,
)
from node.matching.lists import Trust
from protocol.facts import Content
from protocol.vocabulary import Action, Disposition, ItemKind, Matter, Source, Verdict
from tests.builders.cases import (
    HOUR_MS,
    OTHER_PLACE,
    PLACE,
    US,
    at,
    closed,
    file,
    handed_on,
    item,
    verdict,
)
from tests.builders.network import NOW_MS

LATER = NOW_MS + 2 * HOUR_MS
HASHES = file(1, sha1=1, md5=1, length=1)


def new(*content: Content, url: str | None = PLACE, **changes: Any) -> Incoming:
    """What comes in now: found after whatever was closed, unless told otherwise."""
    facts: dict[str, Any] = {"kind": ItemKind.IMAGE, "found_ms": LATER} | changes
    return Incoming(at(url), content, **facts)


def look(
    incoming: Incoming, here: Sequence[ItemState] = (), alike: Sequence[ItemState] = ()
) -> Judgement:
    """Judge at nl-eokm, two hours after everything began."""
    return judge(incoming, here, alike, US, LATER)


class TestSamePlaceSameContentOpen:
    """A sighting: no second case, no second notice."""

    def test_second_report_of_an_open_item_makes_no_second_case(self) -> None:
        """It joins."""
        assert look(new(HASHES), [item(1, HASHES)]) == Judgement(Disposition.DUPLICATE, item(1).id)

    def test_open_item_is_found_by_any_of_its_several_files(self) -> None:
        """A variant that was joined before."""
        known = item(1, file(1), file(2))
        assert look(new(file(2)), [known]).disposition is Disposition.DUPLICATE

    def test_open_item_goes_before_a_closed_one_with_the_same_content(self) -> None:
        """Whatever the order they are given in."""
        old, now = closed(item(1, HASHES)), item(2, HASHES)
        assert look(new(HASHES), [old, now]).item == now.id

    def test_item_with_the_same_content_goes_before_one_without_any(self) -> None:
        """The surer join."""
        without, same = item(1), item(2, HASHES)
        assert look(new(HASHES), [without, same]).item == same.id

    def test_two_reports_without_a_place_are_one_by_their_content(self) -> None:
        """A victim who sends the same hashes twice has one item."""
        known = item(1, HASHES, url=None)
        assert look(new(HASHES, url=None), [], [known]) == Judgement(
            Disposition.DUPLICATE, known.id
        )

    def test_item_whose_place_was_erased_is_one_without_a_place(self) -> None:
        """Nothing is left of it that could be another place."""
        known = item(1, HASHES, location=None)
        assert look(new(HASHES, url=None), [], [known]).item == known.id

    @pytest.mark.parametrize(("comes", "stands"), [(PLACE, None), (None, PLACE)])
    def test_same_content_with_a_place_and_without_are_two(
        self, comes: str | None, stands: str | None
    ) -> None:
        """Whoever hosts it is told of the one, and nobody knows where the other is."""
        known = item(1, HASHES, url=stands)
        assert look(new(HASHES, url=comes), [], [known]) == Judgement(Disposition.NEW)

    def test_weak_hash_alone_joins_nothing_without_a_place(self) -> None:
        """There is no place that would say the rest."""
        known = item(1, file(md5=1), url=None)
        assert not look(new(file(md5=1), url=None), [], [known]).joins


class TestHandedOnToNobody:
    """A closed item of which whom it was handed to does nothing any more."""

    OLD = closed(handed_on(item(1, HASHES)))
    LEFT = frozenset({OLD.id})

    def test_place_is_new_again(self) -> None:
        """Nothing is joined to it, nor does it stand replaced."""
        found = look(new(file(2), left=self.LEFT), [self.OLD])
        assert found == Judgement(Disposition.NEW_AGAIN)

    def test_so_is_a_file_without_a_place(self) -> None:
        """By its hashes it would be the same item."""
        old = closed(handed_on(item(1, HASHES, url=None)))
        assert look(new(HASHES, url=None), [], [old]).joins
        assert not look(new(HASHES, url=None, left=frozenset({old.id})), [], [old]).joins

    def test_its_verdict_goes_with_its_content(self) -> None:
        """Nobody need view it again."""
        old = closed(handed_on(item(1, HASHES, assessments=(verdict(Verdict.BASELINE),))))
        found = look(new(HASHES, left=frozenset({old.id})), [old])
        assert found == Judgement(Disposition.NEW_KNOWN, old.id)


class TestSamePlaceSameContentGone:
    """The item was closed as gone."""

    @pytest.mark.parametrize("by", [Action.REMOVED, Action.UNAVAILABLE])
    def test_report_found_before_the_end_changes_nothing(self, by: Action) -> None:
        """It only came late."""
        gone = closed(item(1, HASHES), by)
        late = new(HASHES, found_ms=NOW_MS + HOUR_MS - 1)
        assert look(late, [gone]) == Judgement(Disposition.LATE_DUPLICATE, gone.id)

    @pytest.mark.parametrize("after_ms", [0, 1, HOUR_MS])
    def test_report_found_after_the_end_goes_to_a_person(self, after_ms: int) -> None:
        """Perhaps it is back; nothing reopens by itself."""
        gone = closed(item(1, HASHES))
        back = new(HASHES, found_ms=NOW_MS + HOUR_MS + after_ms)
        assert look(back, [gone]) == Judgement(
            Disposition.PERHAPS_BACK, gone.id, Review.PERHAPS_BACK
        )

    def test_end_that_lies_in_the_future_says_nothing_of_before_and_after(self) -> None:
        """A clock was wrong: a person looks, or every later report would be swallowed."""
        gone = msgspec.structs.replace(closed(item(1, HASHES)), closed_ms=LATER + 1)
        assert look(new(HASHES), [gone]).disposition is Disposition.PERHAPS_BACK

    def test_report_found_before_an_end_that_is_told_this_moment_changes_nothing(self) -> None:
        """Whoever closes an item may do so while its report is read."""
        gone = closed(item(1, HASHES), when_ms=LATER)
        late = new(HASHES, found_ms=LATER - 1)
        assert look(late, [gone]).disposition is Disposition.LATE_DUPLICATE

    def test_of_several_closed_items_the_latest_is_perhaps_back(self) -> None:
        """Its closure is the one in doubt."""
        early, late = closed(item(1, HASHES)), closed(item(2, HASHES), when_ms=NOW_MS + 2)
        late = msgspec.structs.replace(late, closed_ms=NOW_MS + HOUR_MS + 1)
        assert look(new(HASHES), [early, late]).item == late.id


class TestSamePlaceOtherContent:
    """The address serves something else now."""

    def test_near_picture_is_a_variant_of_the_item(self) -> None:
        """Hosts re-encode on each request."""
        known = item(1, file(1, pdq=0))
        assert look(new(file(2, pdq=1)), [known]) == Judgement(Disposition.VARIANT, known.id)

    def test_verdict_on_the_item_is_only_suggested_for_a_variant(self) -> None:
        """An analyst compares."""
        known = item(1, file(1, pdq=0), assessments=(verdict(),))
        assert look(new(file(2, pdq=1)), [known]).review is Review.SUGGESTED_VERDICT

    def test_near_picture_of_what_was_gone_is_looked_at_whenever_it_was_found(self) -> None:
        """Near is not proof that it is the one that went."""
        gone = closed(item(1, file(1, pdq=0)))
        found = look(new(file(2, pdq=1), found_ms=NOW_MS), [gone])
        assert found == Judgement(Disposition.VARIANT, gone.id, Review.PERHAPS_BACK)

    @pytest.mark.parametrize("side", ["new", "old"])
    def test_near_hash_of_a_video_makes_no_variant(self, side: str) -> None:
        """A frame is not a film."""
        kinds = {"new": ItemKind.IMAGE, "old": ItemKind.IMAGE} | {side: ItemKind.VIDEO}
        known = item(1, file(1, pdq=0), kind=kinds["old"])
        found = look(new(file(2, pdq=0), kind=kinds["new"]), [known])
        assert found.disposition is Disposition.NEW_REPLACING

    def test_known_placeholder_makes_no_new_item(self) -> None:
        """The old one is perhaps gone: a person sees it."""
        known = item(1, HASHES)
        assert look(new(file(9), placeholder=True), [known]) == Judgement(
            Disposition.PLACEHOLDER, known.id, Review.PERHAPS_GONE
        )

    def test_placeholder_where_the_item_was_gone_already_is_no_news(self) -> None:
        """Nobody looks again."""
        gone = closed(item(1, HASHES))
        assert look(new(file(9), placeholder=True), [gone]).review is None

    def test_placeholder_is_known_content_of_nothing(self) -> None:
        """Every removed file of a host would be one item."""
        other = item(1, file(9), url=OTHER_PLACE, assessments=(verdict(),))
        found = look(new(file(9), placeholder=True), [], [other])
        assert found.disposition is Disposition.NEW

    @pytest.mark.parametrize("old", [item(1, file(1)), closed(item(1, file(1)))])
    def test_other_content_is_a_new_item_that_replaces_the_old(self, old: ItemState) -> None:
        """The old one says so."""
        found = look(new(file(2)), [old])
        assert found == Judgement(Disposition.NEW_REPLACING, old.id, replaces=old.id)

    def test_known_content_that_replaces_another_is_both(self) -> None:
        """It brings its verdict, and the old item is replaced."""
        old = item(1, file(1))
        known = item(2, file(2), url=OTHER_PLACE, assessments=(verdict(),))
        found = look(new(file(2)), [old], [known])
        assert found == Judgement(Disposition.NEW_KNOWN, known.id, replaces=old.id)

    def test_near_content_that_replaces_another_is_both(self) -> None:
        """A verdict is suggested, and the old item is replaced."""
        old = item(1, file(1, pdq=(1 << 200) - 1))
        near = item(2, file(2, pdq=0), url=OTHER_PLACE, assessments=(verdict(),))
        found = look(new(file(3, pdq=1)), [old], [near])
        assert found == Judgement(
            Disposition.NEW_SUGGESTED, near.id, Review.SUGGESTED_VERDICT, replaces=old.id
        )

    @pytest.mark.parametrize("late", [1, 2])
    def test_of_several_closed_items_the_one_that_ended_last_is_replaced(self, late: int) -> None:
        """It was there until then; whatever their ids."""
        ended = {1: NOW_MS, 2: NOW_MS} | {late: NOW_MS + 1}
        items = [closed(item(n, file(n)), when_ms=ended[n]) for n in ended]
        assert look(new(file(3)), items).replaces == item(late).id

    def test_the_open_item_is_replaced_rather_than_a_closed_one(self) -> None:
        """The closed one had been replaced before."""
        old, present = closed(item(1, file(1))), item(2, file(2))
        assert look(new(file(3)), [old, present]).replaces == present.id


class TestSeveralAtOnePlace:
    """Items that were told apart, or came one after the other."""

    def test_content_that_was_gone_is_perhaps_back_though_another_is_there_now(self) -> None:
        """The one that is there is neither joined nor replaced: hosts serve by turns."""
        gone, there = closed(item(1, file(1))), item(2, file(2))
        back = Judgement(Disposition.PERHAPS_BACK, gone.id, Review.PERHAPS_BACK)
        assert look(new(file(1)), [gone, there]) == back
        late = new(file(1), found_ms=NOW_MS)
        assert look(late, [gone, there]) == Judgement(Disposition.LATE_DUPLICATE, gone.id)

    def test_content_that_is_not_illegal_is_counted_though_another_is_there_now(self) -> None:
        """What was decided of it stands."""
        innocent, there = closed(item(1, file(1)), Action.NOT_ILLEGAL), item(2, file(2))
        found = look(new(file(1)), [innocent, there])
        assert found == Judgement(Disposition.COUNTED, innocent.id)

    def test_what_nobody_can_tell_apart_joins_the_open_one(self) -> None:
        """A decision about what was there before swallows no report of what is there now."""
        innocent, there = closed(item(1, file(1)), Action.NOT_ILLEGAL), item(2, file(2))
        assert look(new(), [innocent, there]) == Judgement(Disposition.JOINED, there.id)

    def test_placeholder_is_shown_in_the_place_of_the_open_one(self) -> None:
        """That one is perhaps gone."""
        gone, there = closed(item(1, file(1))), item(2, file(2))
        assert look(new(file(9), placeholder=True), [gone, there]) == Judgement(
            Disposition.PLACEHOLDER, there.id, Review.PERHAPS_GONE
        )

    def test_what_ended_hides_no_other_at_its_place(self) -> None:
        """Nothing supports the one; the other is what is reported."""
        ended, there = item(1, file(1), sightings=()), item(2, file(1))
        assert look(new(file(1)), [ended, there]) == Judgement(Disposition.DUPLICATE, there.id)

    def test_other_file_than_each_of_them_replaces_the_open_one(self) -> None:
        """Whichever of them had been handed on."""
        away, there = closed(handed_on(item(1, file(1)))), item(2, file(2))
        found = look(new(file(3)), [away, there])
        assert found == Judgement(Disposition.NEW_REPLACING, there.id, replaces=there.id)


class TestOtherPlaceSameContent:
    """Known content at a new address: it needs its own notice."""

    def test_baseline_verdict_is_carried_over_whoever_gave_it(self) -> None:
        """Rule 2."""
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(member="fr-pdc"),))
        found = look(new(HASHES), [], [known])
        assert found == Judgement(Disposition.NEW_KNOWN, known.id)

    @pytest.mark.parametrize("given_as", [Verdict.NATIONAL, Verdict.NOT_ILLEGAL])
    def test_our_own_verdict_is_carried_over(self, given_as: Verdict) -> None:
        """The law is the same."""
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(given_as, US),))
        assert look(new(HASHES), [], [known]).disposition is Disposition.NEW_KNOWN

    @pytest.mark.parametrize("by_list", [True, False])
    def test_verdict_that_came_by_one_of_several_files_goes_with_no_other(
        self, *, by_list: bool
    ) -> None:
        """It may be a harmless file beside an illegal one: a person looks."""
        given = verdict(member=US)
        told = Listing(1, "icse", 1, "A", Trust.AUTO, police=False, verdict=given.event_id)
        how: dict[str, Any] = {"listed": (told,)} if by_list else {"carried": (given.event_id,)}
        page = item(1, HASHES, file(2), url=OTHER_PLACE, assessments=(given,), **how)
        suggested = Judgement(Disposition.NEW_SUGGESTED, page.id, Review.SUGGESTED_VERDICT)
        assert look(new(HASHES), [], [page]) == suggested
        assert look(new(file(2)), [], [page]) == suggested

    @pytest.mark.parametrize("files", [(HASHES,), (HASHES, file(2))], ids=["one", "all of them"])
    def test_verdict_that_came_by_a_file_goes_where_no_other_can_be_meant(
        self, files: tuple[Content, ...]
    ) -> None:
        """The item has that one alone, or all that it has are there."""
        given = verdict(member=US)
        known = item(1, *files, url=OTHER_PLACE, assessments=(given,), carried=(given.event_id,))
        assert look(new(*files), [], [known]).disposition is Disposition.NEW_KNOWN

    @pytest.mark.parametrize("gone", [(), (0,)], ids=["whole", "a_file_taken_off"])
    def test_verdict_of_who_named_one_of_several_files_goes_with_that_one_alone(
        self, gone: tuple[int, ...]
    ) -> None:
        """It saw no other (§6.6.1); whatever places files had before."""
        first = len(gone)
        known = item(
            1,
            HASHES,
            file(2),
            url=OTHER_PLACE,
            assessments=(verdict(member="fr-pdc"),),
            informants=(Informant("fr-pdc", item(1).id),),
            named=(("fr-pdc", first),),
            taken_off=tuple(TakenOff(place, file(9)) for place in gone),
        )
        suggested = Judgement(Disposition.NEW_SUGGESTED, known.id, Review.SUGGESTED_VERDICT)
        assert look(new(HASHES), [], [known]) == Judgement(Disposition.NEW_KNOWN, known.id)
        assert look(new(file(2)), [], [known]) == suggested
        assert look(new(file(md5=1)), [], [known]) == suggested

    def test_of_several_who_judged_one_must_have_seen_the_file(self) -> None:
        """Ours is of all that stand here."""
        theirs = verdict(member="fr-pdc")
        told: dict[str, Any] = {
            "informants": (Informant("fr-pdc", item(1).id),),
            "named": (("fr-pdc", 0),),
        }
        for ours, word in (
            (verdict(Verdict.NATIONAL, US, 901), Disposition.NEW_KNOWN),
            (verdict(Verdict.NATIONAL, "de-eco", 901), Disposition.NEW_SUGGESTED),
        ):
            known = item(1, HASHES, file(2), url=OTHER_PLACE, assessments=(theirs, ours), **told)
            assert look(new(file(2)), [], [known]).disposition is word

    @pytest.mark.parametrize("gone", [(), (0,)], ids=["whole", "a_file_taken_off"])
    def test_verdict_goes_with_no_file_that_waits_for_a_look(self, gone: tuple[int, ...]) -> None:
        """It came after the verdict."""
        known = handed_on(
            item(
                1,
                HASHES,
                file(2),
                url=OTHER_PLACE,
                assessments=(verdict(member=US),),
                unseen=(1 + len(gone),),
                taken_off=tuple(TakenOff(place, file(9)) for place in gone),
            )
        )
        assert look(new(HASHES), [], [known]).disposition is Disposition.NEW_KNOWN
        assert look(new(file(2)), [], [known]).disposition is Disposition.NEW_SUGGESTED

    def test_what_the_author_told_by_another_s_mouth_alone_only_suggests(self) -> None:
        """Hearsay is for a person."""
        given = verdict(member="fr-pdc")
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(given,), hearsay=(given.event_id,))
        assert look(new(HASHES), [], [known]).disposition is Disposition.NEW_SUGGESTED

    def test_verdict_that_its_author_took_back_goes_nowhere_and_the_others_do(self) -> None:
        """Of several members each stands for itself."""
        unable = verdict(Verdict.UNASSESSABLE, "fr-pdc", 902, at_ms=NOW_MS + 1)
        given = (verdict(member="fr-pdc"), unable)
        known = item(1, HASHES, url=OTHER_PLACE, assessments=given)
        assert look(new(HASHES), [], [known]) == Judgement(Disposition.NEW)
        ours = (*given, verdict(Verdict.NATIONAL, US, 903))
        both = item(1, HASHES, url=OTHER_PLACE, assessments=ours)
        assert look(new(HASHES), [], [both]).disposition is Disposition.NEW_KNOWN

    @pytest.mark.parametrize("given_as", [Verdict.NATIONAL, Verdict.NOT_ILLEGAL])
    def test_verdict_under_another_law_is_suggested(self, given_as: Verdict) -> None:
        """No member must act on it."""
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(given_as, "fr-pdc"),))
        assert look(new(HASHES), [], [known]) == Judgement(
            Disposition.NEW_SUGGESTED, known.id, Review.SUGGESTED_VERDICT
        )

    def test_corrected_verdict_is_not_carried_over(self) -> None:
        """Its author has said otherwise since."""
        first = verdict(Verdict.BASELINE, "fr-pdc", 1)
        then = msgspec.structs.replace(verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 2), at_ms=NOW_MS + 1)
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(then, first))
        assert look(new(HASHES), [], [known]).disposition is Disposition.NEW_SUGGESTED

    def test_unassessable_content_is_not_known(self) -> None:
        """Nobody has judged it."""
        seen = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(Verdict.UNASSESSABLE),))
        assert look(new(HASHES), [], [seen]) == Judgement(Disposition.NEW)

    def test_content_seen_elsewhere_but_never_judged_is_a_plain_new_item(self) -> None:
        """It is not dropped as a duplicate: that would leave it online."""
        seen = item(1, HASHES, url=OTHER_PLACE)
        assert look(new(HASHES), [], [seen]) == Judgement(Disposition.NEW)

    def test_verdict_on_a_variant_that_nobody_compared_is_only_suggested(self) -> None:
        """The verdict was given on the other file."""
        known = item(
            1,
            file(1),
            file(2),
            url=OTHER_PLACE,
            assessments=(verdict(),),
            reviews=(Review.SUGGESTED_VERDICT,),
        )
        assert look(new(file(2)), [], [known]).disposition is Disposition.NEW_SUGGESTED

    def test_nearest_picture_is_suggested_then_the_oldest(self) -> None:
        """A person compares with the one that is most likely the same."""
        judged = (verdict(),)
        far = item(1, file(1, pdq=(1 << 30) - 1), url=OTHER_PLACE, assessments=judged)
        near = item(3, file(2, pdq=1), url=OTHER_PLACE, assessments=judged)
        also = item(2, file(3, pdq=2), url=OTHER_PLACE, assessments=judged)
        found = look(new(file(4, pdq=0)), [], [far, near, also])
        assert found == Judgement(Disposition.NEW_SUGGESTED, also.id, Review.SUGGESTED_VERDICT)

    def test_closed_item_still_knows_its_content(self) -> None:
        """Gone there, known here."""
        known = closed(item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(),)))
        assert look(new(HASHES), [], [known]).disposition is Disposition.NEW_KNOWN

    def test_one_weak_hash_alone_only_suggests(self) -> None:
        """Equal MD5 and nothing else to compare."""
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(),))
        found = look(new(file(md5=1)), [], [known])
        assert found.disposition is Disposition.NEW_SUGGESTED

    def test_equal_md5_with_another_sha256_brings_no_verdict(self) -> None:
        """A collision is another content."""
        known = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(),))
        collision = file(2, sha1=1, md5=1, length=1)
        assert look(new(collision), [], [known]) == Judgement(Disposition.NEW)


class TestAlias:
    """The same content at the same host and path with another query."""

    ALIAS = PLACE + "?size=large"

    def test_another_query_to_the_same_file_is_one_item(self) -> None:
        """One line in the notice."""
        known = item(1, HASHES)
        assert look(new(HASHES, url=self.ALIAS), [], [known]) == Judgement(
            Disposition.ALIAS, known.id
        )

    def test_plain_and_encrypted_transport_to_the_same_file_are_one_item(self) -> None:
        """Same host, same path, same bytes."""
        known = item(1, HASHES)
        found = look(new(HASHES, url=PLACE.replace("https", "http")), [], [known])
        assert found.disposition is Disposition.ALIAS

    def test_another_query_with_other_content_is_a_new_item(self) -> None:
        """A script serves many pictures."""
        assert not look(new(file(2), url=self.ALIAS), [], [item(1, HASHES)]).joins

    def test_another_query_without_hashes_is_a_new_item(self) -> None:
        """Nothing says that it is the same."""
        assert not look(new(url=self.ALIAS), [], [item(1, HASHES)]).joins

    @pytest.mark.parametrize("suffix", ["/", ".bak"])
    def test_another_path_is_a_new_item(self, suffix: str) -> None:
        """It needs its own line."""
        assert not look(new(HASHES, url=PLACE + suffix), [], [item(1, HASHES)]).joins

    def test_another_port_is_a_new_item(self) -> None:
        """It may be another server."""
        other = "https://nl1.example:8443/album/1.jpg"
        assert not look(new(HASHES, url=other), [], [item(1, HASHES)]).joins

    def test_addresses_without_a_host_are_never_aliases(self) -> None:
        """A service's accounts have no path in common."""
        known = item(1, HASHES, url="magnet:?xt=urn:1")
        assert not look(new(HASHES, url="magnet:?xt=urn:2"), [], [known]).joins

    @pytest.mark.parametrize("place", ["https://[bad", "http://[::1/x", "https:///", "x"])
    def test_attack_what_is_no_address_holds_up_no_report_of_its_file(self, place: str) -> None:
        """An older version may have taken it from another member."""
        known = item(1, HASHES, url=place, assessments=(verdict(member=US),))
        assert look(new(HASHES), [], [known]) == Judgement(Disposition.NEW_KNOWN, known.id)

    def test_alias_of_what_was_gone_is_perhaps_back(self) -> None:
        """One item, under whatever query."""
        found = look(new(HASHES, url=self.ALIAS), [], [closed(item(1, HASHES))])
        assert found.disposition is Disposition.PERHAPS_BACK

    @pytest.mark.parametrize("known", [(HASHES,), ()])
    def test_attack_a_claimed_alias_of_what_is_not_illegal_swallows_no_report_of_its_place(
        self, known: tuple[Content, ...]
    ) -> None:
        """Who said that the same file is at another query may have lied: nobody looked there."""
        harmless = closed(item(1, *known, url=PLACE + "?id=1"), Action.NOT_ILLEGAL)
        alias = msgspec.structs.replace(harmless, also_at=(at(PLACE + "?id=2"),))
        unseen = new(url=PLACE + "?id=2")
        assert look(unseen, [alias]) == Judgement(Disposition.NEW)
        itself = new(url=PLACE + "?id=1")
        assert look(itself, [alias]).disposition is Disposition.COUNTED

    def test_the_same_file_at_an_alias_of_what_is_not_illegal_is_counted(self) -> None:
        """Its hash says that it is what a person saw."""
        harmless = closed(item(1, HASHES, url=PLACE + "?id=1"), Action.NOT_ILLEGAL)
        alias = msgspec.structs.replace(harmless, also_at=(at(PLACE + "?id=2"),))
        again = new(HASHES, url=PLACE + "?id=2")
        assert look(again, [alias]).disposition is Disposition.COUNTED

    def test_alias_of_what_was_handed_on_is_handed_on_itself(self) -> None:
        """A sighting carries no address: its holder must learn this one."""
        found = look(new(HASHES, url=self.ALIAS), [], [handed_on(item(1, HASHES))])
        assert found == Judgement(Disposition.NEW)


class TestOtherPlaceNearContent:
    """Probably the same picture: never automatic."""

    def test_near_content_elsewhere_suggests_its_verdict(self) -> None:
        """An analyst confirms."""
        known = item(1, file(1, pdq=0), url=OTHER_PLACE, assessments=(verdict(),))
        assert look(new(file(2, pdq=1)), [], [known]) == Judgement(
            Disposition.NEW_SUGGESTED, known.id, Review.SUGGESTED_VERDICT
        )

    def test_near_content_of_a_video_suggests_nothing(self) -> None:
        """Not video."""
        known = item(
            1, file(1, pdq=0), url=OTHER_PLACE, assessments=(verdict(),), kind=ItemKind.VIDEO
        )
        assert look(new(file(2, pdq=0)), [], [known]) == Judgement(Disposition.NEW)

    def test_exact_content_goes_before_near_content(self) -> None:
        """What is carried over beats what is suggested."""
        near = item(1, file(2, pdq=0), url=OTHER_PLACE, assessments=(verdict(),))
        exact = item(2, file(1, pdq=1), url=OTHER_PLACE, assessments=(verdict(),))
        assert look(new(file(1, pdq=1)), [], [near, exact]).item == exact.id


class TestContentMissing:
    """Same place, and nobody can tell whether the content is the same."""

    @pytest.mark.parametrize(
        ("known", "comes"),
        [
            ((), (HASHES,)),
            ((HASHES,), ()),
            ((file(1),), (file(md5=1),)),
            ((file(md5=1),), (file(md5=1),)),
        ],
        ids=["unknown so far", "not brought", "no hash in common", "a weak one alone"],
    )
    def test_open_item_is_joined_by_its_place(
        self, known: tuple[Content, ...], comes: tuple[Content, ...]
    ) -> None:
        """It is judged again when a hash becomes known."""
        assert look(new(*comes), [item(1, *known)]) == Judgement(Disposition.JOINED, item(1).id)

    def test_two_reports_without_any_hash_are_plain_duplicates(self) -> None:
        """The commonest case of all."""
        assert look(new(), [item(1)]).disposition is Disposition.DUPLICATE

    @pytest.mark.parametrize("found_ms", [NOW_MS, LATER])
    @pytest.mark.parametrize("comes", [(), (HASHES,), (file(md5=1),)])
    def test_closed_item_is_never_joined_without_a_person(
        self, comes: tuple[Content, ...], found_ms: int
    ) -> None:
        """Also where it was found before the end: it may have been something else."""
        gone = closed(item(1, file(sha1=9)) if comes == (file(md5=1),) else item(1))
        assert look(new(*comes, found_ms=found_ms), [gone]) == Judgement(
            Disposition.JOINED_PERHAPS_BACK, gone.id, Review.PERHAPS_BACK
        )

    def test_hash_that_contradicts_one_file_joins_no_other_by_place(self) -> None:
        """Else anything could be joined to an item with a file that lacks the hash."""
        known = item(1, file(1), file(md5=1))
        assert look(new(file(md5=2)), [known]).disposition is Disposition.NEW_REPLACING


class TestNotIllegal:
    """Closed as not illegal: counted, and reopened for named reasons only."""

    DECIDED = closed(item(1, file(1, pdq=0)), Action.NOT_ILLEGAL)

    @pytest.mark.parametrize("comes", [(file(1),), ()], ids=["same content", "no hashes"])
    def test_report_of_it_is_counted(self, comes: tuple[Content, ...]) -> None:
        """Nobody looks again."""
        assert look(new(*comes), [self.DECIDED]) == Judgement(Disposition.COUNTED, item(1).id)

    def test_other_content_at_its_place_is_a_new_item(self) -> None:
        """That decision was about something else."""
        assert look(new(file(2)), [self.DECIDED]).disposition is Disposition.NEW_REPLACING

    def test_near_content_at_its_place_is_looked_at(self) -> None:
        """Near is another file."""
        found = look(new(file(2, pdq=1)), [self.DECIDED])
        assert found.review is Review.NOT_ILLEGAL_DOUBTED

    def test_report_by_police_is_looked_at(self) -> None:
        """They may know more."""
        found = look(new(file(1), source=Source.POLICE), [self.DECIDED])
        assert found.review is Review.NOT_ILLEGAL_DOUBTED

    def test_old_decision_is_looked_at(self) -> None:
        """Laws and eyes change."""
        now = NOW_MS + HOUR_MS + NOT_ILLEGAL_STANDS_MS + 1
        found = judge(new(file(1)), [self.DECIDED], [], US, now)
        assert found.review is Review.NOT_ILLEGAL_DOUBTED

    def test_decision_of_just_that_age_still_stands(self) -> None:
        """To the millisecond."""
        now = NOW_MS + HOUR_MS + NOT_ILLEGAL_STANDS_MS
        assert judge(new(file(1)), [self.DECIDED], [], US, now).review is None


class TestHandedOn:
    """The item is another member's now."""

    @pytest.mark.parametrize("known", [item(1, HASHES), closed(item(1, HASHES)), item(1)])
    @pytest.mark.parametrize("comes", [(HASHES,), ()])
    def test_report_of_it_is_forwarded_and_judged_there(
        self, known: ItemState, comes: tuple[Content, ...]
    ) -> None:
        """Open or closed: its holder decides, not we."""
        assert look(new(*comes), [handed_on(known)]) == Judgement(Disposition.FORWARDED, item(1).id)

    def test_other_content_at_its_place_is_an_item_of_its_own(self) -> None:
        """It goes the same way and is judged there."""
        found = look(new(file(2)), [handed_on(item(1, HASHES))])
        assert found.disposition is Disposition.NEW_REPLACING


class TestWithdrawnOrErased:
    """Nothing supports the old item any more."""

    def test_report_of_what_was_erased_is_new_and_says_so(self) -> None:
        """The keyed fingerprint tells."""
        assert look(new(HASHES, was_here=True)) == Judgement(Disposition.NEW_AGAIN)

    @pytest.mark.parametrize("comes", [(HASHES,), ()])
    def test_report_of_what_was_withdrawn_joins_nothing(self, comes: tuple[Content, ...]) -> None:
        """Without a sighting left the old item has ended."""
        ended = item(1, HASHES, sightings=())
        assert look(new(*comes), [ended], [ended]) == Judgement(Disposition.NEW_AGAIN)

    def test_verdict_on_what_was_withdrawn_is_not_carried_over(self) -> None:
        """It ended with the item."""
        ended = item(1, HASHES, url=OTHER_PLACE, assessments=(verdict(),), sightings=())
        assert look(new(HASHES), [], [ended]) == Judgement(Disposition.NEW)


class TestOtherMatter:
    """What is not CSAM is counted, not routed."""

    def test_report_of_csam_is_not_swallowed_by_a_counted_one(self) -> None:
        """Else nobody would ever act on it."""
        counted = item(1, HASHES, matter=Matter.SPAM, custody=Custody.COUNTED)
        assert look(new(HASHES), [counted], [counted]) == Judgement(Disposition.NEW)

    def test_query_about_known_csam_is_counted_and_suggested_to_a_person(self) -> None:
        """The asker may not know what it is."""
        known = item(1, HASHES, assessments=(verdict(),))
        found = look(new(HASHES, matter=Matter.QUERY), [known], [])
        assert not found.joins
        elsewhere = msgspec.structs.replace(known, location=at(OTHER_PLACE))
        found = look(new(HASHES, matter=Matter.QUERY), [], [elsewhere])
        assert found.review is Review.SUGGESTED_VERDICT


class TestNothingKnown:
    """Most reports."""

    def test_report_of_a_place_and_content_never_seen_is_new(self) -> None:
        """Without further ado."""
        assert look(new(HASHES)) == Judgement(Disposition.NEW)


def test_items_found_after_one_that_was_found_by_both_keys_count_as_well() -> None:
    """That one is judged by its place; what is known of the content elsewhere is known as well."""
    here = item(1, file(2, md5=1))
    known = item(2, HASHES, url=OTHER_PLACE, assessments=(verdict(),))
    found = look(new(HASHES), [here], [here, known])
    assert (found.disposition, found.item) == (Disposition.NEW_KNOWN, known.id)


def test_an_item_found_by_both_keys_is_judged_by_its_place() -> None:
    """The look-ups overlap."""
    known = item(1, HASHES, assessments=(verdict(),))
    assert look(new(HASHES), [known], [known]).disposition is Disposition.DUPLICATE


numbers = st.none() | st.integers(0, 1)


@st.composite
def contents(draw: st.DrawFn) -> tuple[Content, ...]:
    """No file or a few, of so few hashes that they meet and contradict."""
    made = []
    for _ in range(draw(st.integers(0, 2))):
        sha256, sha1, md5, length = (draw(numbers) for _ in range(4))
        pdq = draw(st.none() | st.sampled_from([0, 1, (1 << 40) - 1]))
        if not sha256 is sha1 is md5 is pdq is None:
            made.append(file(sha256, sha1=sha1, md5=md5, length=length, pdq=pdq))
    return tuple(made)


@st.composite
def items(draw: st.DrawFn, url: str | None) -> ItemState:
    """An item in any state it can be in."""
    made = item(
        draw(st.integers(1, 99)),
        *draw(contents()),
        url=url,
        kind=draw(st.sampled_from([ItemKind.IMAGE, ItemKind.VIDEO])),
        matter=draw(st.sampled_from([Matter.CSAM, Matter.CSAM, Matter.SPAM])),
        assessments=tuple(
            verdict(given, member, number)
            for number, (given, member) in enumerate(
                draw(st.lists(st.tuples(st.sampled_from(Verdict), st.sampled_from([US, "fr-pdc"]))))
            )
        ),
    )
    if draw(st.booleans()):
        by = draw(st.sampled_from([Action.REMOVED, Action.NOT_ILLEGAL]))
        made = closed(made, by, NOW_MS + draw(st.integers(0, 3)))
    if draw(st.integers(0, 3)) == 0:
        made = handed_on(made)
    if draw(st.integers(0, 5)) == 0:
        made = msgspec.structs.replace(made, sightings=())
    return made


def several(one: st.SearchStrategy[ItemState]) -> st.SearchStrategy[list[ItemState]]:
    """Give a few items, each with an id of its own."""
    return st.lists(one, unique_by=lambda state: state.id, max_size=4)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Incoming, list[ItemState], list[ItemState]]:
    """Anything that may come in, and everything it may meet."""
    url = draw(st.sampled_from([PLACE, None]))
    incoming = new(
        *draw(contents()),
        url=url,
        found_ms=NOW_MS + draw(st.integers(0, 3)),
        kind=draw(st.sampled_from([ItemKind.IMAGE, ItemKind.VIDEO])),
        source=draw(st.sampled_from([Source.PUBLIC, Source.POLICE])),
        was_here=draw(st.booleans()),
    )
    here = draw(several(items(PLACE))) if url else []
    others = st.sampled_from([OTHER_PLACE, PLACE + "?q", None]).flatmap(items)
    elsewhere = draw(several(others))
    return incoming, here, elsewhere


@given(situations(), st.randoms(use_true_random=False))
def test_every_situation_has_one_answer_whatever_the_order(
    situation: tuple[Incoming, list[ItemState], list[ItemState]], chance: Any
) -> None:
    """`judge` is total and deterministic, and names only items that it was shown."""
    incoming, here, elsewhere = situation
    found = look(incoming, here, elsewhere)
    assert found.item in {None, *(one.id for one in (*here, *elsewhere))}
    assert (found.item is None) == (found.disposition in (Disposition.NEW, Disposition.NEW_AGAIN))
    mixed_here, mixed_elsewhere = list(here), list(elsewhere)
    chance.shuffle(mixed_here)
    chance.shuffle(mixed_elsewhere)
    assert look(incoming, mixed_here, mixed_elsewhere) == found


@given(situations())
def test_contradicting_sha256_are_never_joined_unless_they_look_alike(
    situation: tuple[Incoming, list[ItemState], list[ItemState]],
) -> None:
    """And what looks alike is called a variant, forwarded, or put in front of a person."""
    incoming, here, elsewhere = situation
    found = look(incoming, here, elsewhere)
    joined = [one for one in (*here, *elsewhere) if one.id == found.item and found.joins]
    for one in joined:
        theirs = {c.sha256 for c in one.content}
        ours = {c.sha256 for c in incoming.content}
        known = None not in theirs | ours and theirs and ours
        if known and theirs.isdisjoint(ours) and found.disposition is not Disposition.FORWARDED:
            assert found.disposition is Disposition.VARIANT or found.review is not None


@given(situations())
def test_nothing_closed_swallows_a_later_report_without_a_person(
    situation: tuple[Incoming, list[ItemState], list[ItemState]],
) -> None:
    """What was removed and is reported again is never silently dropped."""
    incoming, here, elsewhere = situation
    found = look(incoming, here, elsewhere)
    for one in (*here, *elsewhere):
        gone = one.id == found.item and one.closed_by is Action.REMOVED
        if gone and found.joins and found.disposition is not Disposition.FORWARDED:
            assert one.closed_ms is not None
            assert found.review is not None or incoming.found_ms < one.closed_ms


def test_every_word_that_joins_is_a_row_of_the_table() -> None:
    """And no word that makes a new item is."""
    assert {word for word in Disposition if word.startswith("new")}.isdisjoint(JOINING)


@pytest.mark.parametrize("by", [US, "fr-pdc"])
@pytest.mark.parametrize("said", list(Verdict))
def test_rule_2_baseline_goes_with_the_content_and_what_we_ourselves_said(
    said: Verdict, by: str
) -> None:
    """That a file could not be judged is no verdict, though it was our own person who tried."""
    goes = said is not Verdict.UNASSESSABLE and (said is Verdict.BASELINE or by == US)
    assert goes_on(verdict(said, by), US) is goes
