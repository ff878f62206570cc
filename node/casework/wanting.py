"""What must be loaded to say what some files are the same as, and what they look like."""

from __future__ import annotations

from collections.abc import Sequence

from node.casework.casebook import Needs
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from protocol.facts import Content


def want_alike(needs: Needs, content: Sequence[Content], fingerprints: Fingerprints) -> None:
    """Need every item that has a hash in common with these files, or a picture that is near."""
    needs.keys.update(content_keys(fingerprints, content))
    needs.pictures.update(pictures_of(content))
