"""What the tests of all rooms of the node share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pytest

from keys import armour

if TYPE_CHECKING:
    from collections.abc import Iterator

_DERIVED: Final = lru_cache(maxsize=1 << 16)(armour._derive)


@pytest.fixture(scope="module", autouse=True)
def derived_once() -> Iterator[None]:
    """Remember what scrypt makes of a passphrase and a salt: the same, whoever asks again.

    Whoever opens a member's keys derives it for some twenty files: half of what such a test costs.
    How files are armoured is tested in `tests/keys`, where nothing is remembered.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(armour, "_derive", _DERIVED)
        yield
