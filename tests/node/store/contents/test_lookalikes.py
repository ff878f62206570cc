"""The index of pictures kept in a folder: never ahead of its history, never believed blindly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from secrets import token_bytes

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.item import ItemState
from node.matching.fingerprints import Fingerprints
from node.store.contents.lookalikes import KEEP_AFTER
from node.store.contents.near_files import Folder
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, US, item, near_by
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.builders.pictures import picture
from tests.contract.stores import KEY, record


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder with a new database."""
    empty_store(tmp_path / "node.db", KEY)
    return tmp_path


def opened(home: Path, fingerprints: Fingerprints = FINGERPRINTS) -> Store:
    """Open the store as the node does."""
    folder = Folder(home / "pictures", KEY, token_bytes)
    return Store.open(home / "node.db", KEY, US, fingerprints, folder=folder)


async def put(store: Store, *numbers: int) -> None:
    """Record items, each with a picture of its number."""
    for number in numbers:
        pdq = Content(None, None, None, None, picture(number), 80)
        made = item(number, pdq, url=f"https://nl1.example/{number}.jpg")
        await store.cases.transact(Needs(), NOW_MS, partial(_record, made))


def _record(state: ItemState, book: Casebook) -> None:
    record(book, state)


async def found(store: Store, *numbers: int) -> list[bool]:
    """Whether the items with these numbers are found by their pictures."""

    def known(number: int) -> bool:
        return item(number).id in near_by(shown, picture(number))

    needs = Needs(pictures={picture(number) for number in numbers})
    _, shown = await store.cases.transact(needs, NOW_MS, lambda _: None)
    return [known(number) for number in numbers]


def in_folder(home: Path) -> set[str]:
    """Return the names of the files that are kept."""
    return {path.name for path in (home / "pictures").iterdir()}


async def test_index_that_was_kept_is_opened_and_not_made_again(home: Path) -> None:
    """Nothing changes in the folder."""
    store = opened(home)
    await put(store, 1, 2)
    await store.close()
    kept = in_folder(home)
    store = opened(home)
    assert len(store.lookalikes) == 2
    await store.close()
    assert in_folder(home) == kept
    assert len(kept) == 2


async def test_what_was_committed_after_the_index_was_kept_is_found(home: Path) -> None:
    """A crash between commit and index loses nothing."""
    store = opened(home)
    await put(store, 1)
    await store.close()
    kept = home / "kept"
    shutil.copytree(home / "pictures", kept)
    store = opened(home)
    await put(store, 2, 3)
    await store.close()
    shutil.rmtree(home / "pictures")
    kept.rename(home / "pictures")
    store = opened(home)
    assert len(store.lookalikes) == 3
    assert await found(store, 1, 2, 3) == [True] * 3
    await store.close()


@pytest.mark.parametrize("which", ["index", "*.segment"])
async def test_damaged_folder_is_made_again_from_the_history(home: Path, which: str) -> None:
    """And kept again."""
    store = opened(home)
    await put(store, 1, 2)
    await store.close()
    (path,) = (home / "pictures").glob(which)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    store = opened(home)
    assert await found(store, 1, 2) == [True, True]
    await store.close()
    assert len(Folder(home / "pictures", KEY, token_bytes).load()[0]) == 1


async def test_folder_that_knows_more_than_the_history_is_not_believed(home: Path) -> None:
    """A backup was restored: what came after it never was here."""
    store = opened(home)
    await put(store, 1)
    await store.close()
    shutil.copy(home / "node.db", home / "backup.db")
    store = opened(home)
    await put(store, 2)
    await store.close()
    (home / "node.db").unlink()
    (home / "backup.db").rename(home / "node.db")
    store = opened(home)
    assert len(store.lookalikes) == 1
    await put(store, 3)
    assert await found(store, 1, 3) == [True, True]
    await store.close()


async def test_folder_of_another_history_of_the_same_length_is_not_believed(home: Path) -> None:
    """The chain differs."""
    shutil.copy(home / "node.db", home / "other.db")
    store = opened(home)
    await put(store, 1)
    await store.close()
    (home / "node.db").unlink()
    (home / "other.db").rename(home / "node.db")
    aside = home / "aside"
    (home / "pictures").rename(aside)
    store = opened(home)
    await put(store, 2)
    await store.close()
    shutil.rmtree(home / "pictures")
    aside.rename(home / "pictures")
    store = opened(home)
    assert await found(store, 2) == [True]
    assert len(store.lookalikes) == 1
    await store.close()


async def test_folder_that_cannot_be_written_costs_only_the_next_start(home: Path) -> None:
    """A cache holds up nothing."""
    (home / "pictures").write_text("in the way")
    store = opened(home)
    await put(store, 1)
    assert await found(store, 1) == [True]
    await store.close()
    store = opened(home)
    assert await found(store, 1) == [True]
    await store.close()


_WITHOUT = """
import asyncio, sys
from pathlib import Path
from tests.node.store.contents.test_lookalikes import opened
from tests.contract.stores import record_items
home = Path(sys.argv[1])
async def work():
    for _ in range(2):
        store = opened(home)
        await record_items(store, int(sys.argv[2]))
        await store.close()
        sys.argv[2] = str(int(sys.argv[2]) + 1)
asyncio.run(work())
print("numpy" in sys.modules, sorted(path.name for path in (home / "pictures").iterdir()))
"""


def test_node_that_meets_no_picture_loads_no_numpy_and_reads_its_history_once(home: Path) -> None:
    """Memory and the time of a start are paid by who needs it."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(home), "1"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False ['index']\n"


def test_place_is_kept_now_and_then_though_no_picture_comes() -> None:
    """Else a crash would make the next start read a whole history of pages."""
    assert KEEP_AFTER <= 1_000_000
