"""What lists say of the files of an item, weighed.

The store loads, with the rest of a decision, the entries that may be any of those files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import asdict, replace

from node.casework.casebook import Casebook
from node.casework.contents.seeing import by_lists, seen
from node.casework.item import ItemState
from node.matching.contents import Likeness, likeness, picture_of
from node.matching.duplicates import carries, is_of_files, is_seen
from node.matching.fingerprints import content_keys
from node.matching.linked import said_of
from node.matching.lists import HARMLESS, Hit, Listed, Trust
from protocol.facts import Assessment, Content
from protocol.vocabulary import ItemKind, Matter, Verdict


def hits(book: Casebook, state: ItemState) -> list[Hit]:
    """Return what lists say of an item, each entry once and as surely as it can be said.

    They are weighed for each of its files: a harmless one beside it acquits no other.
    """
    if not book.loaded.listed:  # of all that was asked for: nearly always
        return []
    pictures = state.kind is not ItemKind.VIDEO
    found: dict[int, Hit] = {}
    for place, content in zip(state.places, state.content, strict=True):
        for hit in said_of(
            content,
            _alike(book, state, content).values(),
            lambda files: _with_a_hash(book, files),
            book.loaded.min_bytes,
            pictures=pictures,
        ):
            known = found.get(hit.number)
            if known is None or _nearness(hit) < _nearness(known):
                found[hit.number] = replace(hit, place=place)
    return [found[number] for number in sorted(found)]


def _nearness(hit: Hit) -> tuple[Likeness, str]:
    return hit.likeness, hit.closeness or ""


def _alike(book: Casebook, state: ItemState, content: Content) -> dict[int, Listed]:
    """Return the entries that may be this file of an item, by number."""
    keys = _keys(book, state, content)
    return {one.number: one for key in keys for one in book.loaded.listed.get(key, ())}


def _with_a_hash(book: Casebook, files: Sequence[Content]) -> Iterator[Listed]:
    """Yield the entries that have a hash of one of these files."""
    for key in dict.fromkeys(content_keys(book.fingerprints, files)):
        yield from book.loaded.listed.get(key, ())


def standing(book: Casebook, state: ItemState) -> set[int]:
    """Return the entries that may be any file of an item."""
    return {number for content in state.content for number in _alike(book, state, content)}


def _keys(book: Casebook, state: ItemState, content: Content) -> Iterator[bytes]:
    """Yield by what entries are loaded: hashes, what looks alike, and those that spoke before."""
    yield from book.fingerprints.content(content)
    picture = picture_of(content)
    if picture is not None:
        yield picture
    yield from (book.fingerprints.entry(one.entry) for one in state.listed)


def shows_placeholder(book: Casebook, content: tuple[Content, ...], kind: ItemKind) -> bool:
    """Whether all that was found is what hosts show in the place of a removed file."""
    if not book.loaded.listed:  # of all that was asked for: nearly always
        return False
    return bool(content) and all(_is_placeholder(book, one, kind) for one in content)


def without_placeholder(
    book: Casebook, state: ItemState, files: tuple[Content, ...], kind: ItemKind
) -> tuple[Content, ...]:
    """Return what becomes part of an item at whose place these files were found.

    None do where all is what hosts show in the place of a removed file, unless the item is of that
    very file; wherever the item is by now.
    """
    if not shows_placeholder(book, files, kind):
        return files
    pictures = ItemKind.VIDEO not in (kind, state.kind)
    same = likeness(state.content, files, pictures=pictures) is Likeness.SAME
    return files if same else ()


def _is_placeholder(book: Casebook, content: Content, kind: ItemKind) -> bool:
    pictures = kind is not ItemKind.VIDEO
    keys = book.fingerprints.content(content)
    entries = {one for key in keys for one in book.loaded.listed.get(key, ())}
    said = (entry.hit(content, pictures=pictures) for entry in entries)
    return any(hit is not None and hit.counts_as is Trust.PLACEHOLDER for hit in said)


def leaves_one_unjudged(state: ItemState, said: Iterable[Hit], us: str) -> bool:
    """Whether lists alone made an item known, and speak of some of its files only.

    What lists `said` of one file says nothing of another beside it, but that nobody need view a
    harmless one. Who judged the item itself, or could not, has looked.
    """
    listed = by_lists(state)
    if len(state.content) <= 1 or not state.known or _is_judged_itself(state, listed):
        return False
    counting = {Trust.AUTO, *HARMLESS}
    named: set[int | None] = {hit.place for hit in said if hit.counts_as in counting}
    named |= {one.place for one in state.listed if one.verdict is not None}  # corrected, perhaps
    named |= _looked_at(state, us, listed)
    return not _is_of_each(state, lambda place, _: place in named)


def leaves_one_unseen(book: Casebook, state: ItemState, asked: dict[Content, bool]) -> bool:
    """Whether verdicts on other items made it known, which had some of its files only.

    What was judged of one file says nothing of another beside it. `asked`: of which files it is
    known by now whether somebody saw them; of many items that have one it is asked once.
    """
    listed = by_lists(state)
    came = set(state.carried) - listed
    given = {one.event_id for one in state.in_force}
    if len(state.content) <= 1 or not state.known or given.isdisjoint(came):
        return False
    if _is_judged_itself(state, came | listed):
        return False
    counting = {Trust.AUTO, *HARMLESS}
    named = {hit.place for hit in hits(book, state) if hit.counts_as in counting}
    named |= _looked_at(state, book.us, came | listed)
    return not _is_of_each(
        state, lambda place, file: place in named or _is_judged(book, file, asked)
    )


def waits_for_a_look(book: Casebook, state: ItemState, asked: dict[Content, bool]) -> bool:
    """Whether the item is known by some of its files, and nobody looked at another yet.

    What came to it by one file is told of the item to nobody until then. `asked`: see
    `leaves_one_unseen`.
    """
    return bool(state.unseen) or (
        len(state.content) > 1
        and (
            leaves_one_unseen(book, state, asked)
            or leaves_one_unjudged(state, hits(book, state), book.us)
        )
    )


def _is_judged_itself(state: ItemState, but: set[str]) -> bool:
    """Whether somebody judged the item itself, by a verdict `but` these."""
    return any(
        given.event_id not in but and given.verdict is not Verdict.UNASSESSABLE
        for given in state.in_force
    )


def _looked_at(state: ItemState, us: str, but: set[str]) -> frozenset[int]:
    """Return the places of the files of which somebody here could not say, who looked at them."""
    unable = (given for given in state.in_force if given.member == us and given.event_id not in but)
    return frozenset[int]().union(*(seen(state, given) for given in unable))


def _is_of_each(state: ItemState, holds: Callable[[int, Content], bool]) -> bool:
    """Whether it holds of each file, or of one of which all is said that is said of that.

    A picture that was named by its PDQ hash alone is no other file once the rest is known.
    """
    files = list(zip(state.places, state.content, strict=True))
    held = [file for place, file in files if holds(place, file)]
    return all(any(says_no_more(file, one) for one in held) for _, file in files)


def says_no_more(file: Content, other: Content) -> bool:
    """Whether each hash of a file is one of the other."""
    said = asdict(file)
    del said["pdq_quality"]  # two programs may weigh one picture differently
    return all(value in (None, getattr(other, name)) for name, value in said.items())


def _is_judged(book: Casebook, file: Content, asked: dict[Content, bool]) -> bool:
    """Whether some item has this file, and a verdict that goes with it."""
    if file not in asked:
        keys = dict.fromkeys(content_keys(book.fingerprints, (file,)))
        asked[file] = any(
            any(carries(a, one, book.us) and is_of_files(a, one, (file,)) for a in one.vouched)
            and likeness(one.content, (file,), pictures=False) is Likeness.SAME
            and is_seen(one, (file,))
            for key in keys
            for one in book.by_key(key)
        )
    return asked[file]


def is_harmless_there(
    book: Casebook, given: Assessment, source: ItemState, target: ItemState
) -> bool:
    """Whether a verdict that followed from a list would go to a file that is harmless by a list.

    The target may have hashes of it that the source has not.
    """
    harmless = {hit.place for hit in hits(book, target) if hit.counts_as in HARMLESS}
    files = zip(target.places, target.content, strict=True)
    if not any(
        likeness((file,), source.content, pictures=False) is Likeness.SAME
        for place, file in files
        if place in harmless
    ):
        return False
    keys = dict.fromkeys(content_keys(book.fingerprints, source.content))
    return any(given.event_id in by_lists(one) for key in keys for one in book.by_key(key))


def hold_illegal(book: Casebook, state: ItemState) -> bool:
    """Whether lists hold the content of an item illegal unseen, so that nobody need view it."""
    return state.matter is Matter.CSAM and any(
        hit.counts_as is Trust.AUTO and not hit.acquits for hit in hits(book, state)
    )
