"""What must be loaded to say what some files are the same as, and what they look like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from node.casework.casebook import Loaded, Needs
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from protocol.facts import Content


def want_alike(needs: Needs, content: Sequence[Content], fingerprints: Fingerprints) -> None:
    """Need every item that has a hash in common with these files, or a picture that is near."""
    needs.keys.update(content_keys(fingerprints, content))
    needs.pictures.update(pictures_of(content))


def pictures(loaded: Loaded, needs: Needs, keys: Iterable[bytes]) -> set[bytes]:
    """Return the PDQ hashes of items that a verdict may leave: what looks alike is needed too.

    `keys` are those of the contents of `needs.alike`.
    """
    ids = {item for key in keys for item in loaded.by_key.get(key, ())} | needs.alike
    states = [loaded.items[one] for one in ids if one in loaded.items]
    return {pdq for state in states for pdq in pictures_of(state.content)}
