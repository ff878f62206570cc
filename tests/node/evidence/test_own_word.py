"""Who made a bundle, and when, is the file's own word: no reader may take it for more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.evidence import verify
from node.evidence.check import check
from tests.node.evidence.test_stolen import EOKM, IWF, PLACE, Governed


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give two members."""
    made = Governed(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


async def bundle(world: Governed, **changed: Any) -> tuple[bytes, bytes]:
    """Return a bundle of one item with some fields changed, and the fingerprint to check it by."""
    result = await world[IWF].submit(PLACE.format(1))
    await world.settle()
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    document = json.loads(world.bundle(IWF, result.items[0].item_id))
    return json.dumps(document | changed).encode(), pin


async def test_a_false_maker_is_the_word_of_the_file(world: Governed, tmp_path: Path) -> None:
    """The proofs hold whoever wrote the file down, so the maker proves nothing."""
    raw, pin = await bundle(world, made_by=EOKM, made_ms=0)
    path = tmp_path / "bundle.json"
    path.write_bytes(raw)
    result = verify(tmp_path / "none.toml", path, pin.hex())
    assert result.data["holds"]
    assert result.data["unproved"] == {"made_by": EOKM, "made": "1970-01-01T00:00:00+00:00"}
    assert f"made by {EOKM} at 1970-01-01T00:00:00+00:00: the file's own word, not proved" in (
        result.text
    )


@pytest.mark.parametrize("made_by", ["", "the court", "gb-iwf\x1b[2J", "x" * 10_000])
async def test_a_maker_that_is_no_member_id_is_not_shown(world: Governed, made_by: str) -> None:
    """Else the file would write what it likes onto the screen of whoever checks it."""
    assert check(*await bundle(world, made_by=made_by)).made_by is None


@pytest.mark.parametrize("made_ms", [-1, 1 << 62])
async def test_a_time_that_is_none_is_not_shown(world: Governed, made_ms: int) -> None:
    """And does not end the check."""
    assert check(*await bundle(world, made_ms=made_ms)).made is None
