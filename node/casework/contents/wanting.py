"""What must be loaded to say what some files are the same as, and what they look like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from node.casework.casebook import Loaded, Needs
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from protocol.facts import Content
from protocol.messages import Item


def want_alike(needs: Needs, content: Sequence[Content], fingerprints: Fingerprints) -> None:
    """Need every item that has a hash in common with these files, or a picture that is near."""
    needs.keys.update(content_keys(fingerprints, content))
    needs.pictures.update(pictures_of(content))


def want_item(needs: Needs, message: Item, fingerprints: Fingerprints) -> None:
    """Need every item that an item may be joined to, and what its verdicts go on to from there."""
    places = fingerprints.places(message.location)
    want_alike(needs, message.content, fingerprints)
    needs.keys.update(places)
    if message.assessments:
        needs.alike_by.update(content_keys(fingerprints, message.content), places)


def pictures(loaded: Loaded, needs: Needs, keys: Iterable[bytes]) -> set[bytes]:
    """Return the PDQ hashes of items that a verdict may leave: what looks alike is needed too.

    `keys` are those of the contents of `needs.alike` and `alike_by`.
    """
    ids = {item for key in keys for item in loaded.by_key.get(key, ())} | needs.alike
    states = [loaded.items[one] for one in ids if one in loaded.items]
    return {pdq for state in states for pdq in pictures_of(state.content)}
