"""Registries that somebody with some of the keys would forge, and two members' own."""

from __future__ import annotations

import pytest

from keys.errors import UntrustedDocumentError
from keys.registry import (
    verify_chain,
)
from node.registry import build
from tests.builders.network import (
    NOW_MS,
    Umbrella,
)

NOW = build.moment(NOW_MS)


IWF, EOKM = "gb-iwf", "nl-eokm"


def refused(umbrella: Umbrella, files: dict[str, bytes], match: str) -> None:
    """Assert that the files do not verify, for the right reason."""
    with pytest.raises(UntrustedDocumentError, match=match):
        verify_chain(umbrella.pin, files, NOW)
