"""Segments on the disk: a cache that is believed only whole, and only by the node that wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes

import pytest

from node.matching.near.bands import Mark
from node.matching.near.index import NearIndex
from node.store.contents.near_files import Folder
from node.store.sealed_files import CHUNK, UnusableFileError, read, write
from tests.builders.pictures import picture
from tests.contract.test_store_full import no_file_larger_than

SECRET = bytes(range(32))


def folder(path: Path, secret: bytes = SECRET) -> Folder:
    """Return the folder as the node opens it."""
    return Folder(path, secret, token_bytes)


def load(path: Path, secret: bytes = SECRET) -> NearIndex:
    """Return the index that is kept there."""
    return NearIndex(*folder(path, secret).load())


def kept(path: Path, rows: int = 5_000) -> NearIndex:
    """Return an index that is kept in a folder, of hashes numbered from 0."""
    index = NearIndex()
    index.extend(range(rows), b"".join(map(picture, range(rows))))
    index.mark = Mark(rows, b"head of the chain")
    index.tidy()
    folder(path).save(*index.standing())
    return index


class TestFolder:
    """What is kept is what comes back."""

    def test_index_comes_back_as_it_was_kept(self, tmp_path: Path) -> None:
        """With its mark, from which it goes on."""
        kept(tmp_path)
        index = load(tmp_path)
        assert [one.id for one in index.search(picture(4_321))] == [4_321]
        assert len(index) == 5_000
        assert index.standing()[1] == index.mark == Mark(5_000, b"head of the chain")

    def test_removed_rows_stay_removed(self, tmp_path: Path) -> None:
        """An erased item does not come back with a start."""
        index = kept(tmp_path)
        index.remove(7)
        folder(tmp_path).save(*index.standing())
        again = load(tmp_path)
        assert again.search(picture(7)) == []
        assert len(again) == 4_999

    def test_what_is_not_built_yet_is_not_kept(self, tmp_path: Path) -> None:
        """The mark tells from where the store says the rest."""
        index = kept(tmp_path)
        index.add(9_000, picture(9_000))
        index.mark = Mark(9_000, b"later")
        folder(tmp_path).save(*index.standing())
        again = load(tmp_path)
        assert again.search(picture(9_000)) == []
        assert again.mark.seq == 5_000

    def test_segments_that_went_into_another_are_deleted(self, tmp_path: Path) -> None:
        """Else the folder would grow for ever."""
        index = kept(tmp_path, 4)
        (old,) = tmp_path.glob("*.segment")
        index.add(9_000, picture(9_000))
        index.tidy(everything=True)
        folder(tmp_path).save(*index.standing())
        (new,) = tmp_path.glob("*.segment")
        assert new != old
        assert [one.id for one in load(tmp_path).search(picture(9_000))] == [9_000]

    def test_segment_that_did_not_change_is_not_written_again(self, tmp_path: Path) -> None:
        """Ten million hashes are a gigabyte."""
        kept(tmp_path)
        (large,) = tmp_path.glob("*.segment")
        before = large.stat().st_mtime_ns
        ours = folder(tmp_path)
        index = NearIndex(*ours.load())
        index.add(9_000, picture(9_000))
        index.tidy(everything=True)
        ours.save(*index.standing())
        assert len(list(tmp_path.glob("*.segment"))) == 2
        assert large.stat().st_mtime_ns == before

    def test_empty_index_is_kept_too(self, tmp_path: Path) -> None:
        """So that a start need not read a history without pictures."""
        index = NearIndex(mark=Mark(3, b"three"))
        folder(tmp_path / "new").save(*index.standing())
        assert load(tmp_path / "new").mark == Mark(3, b"three")

    def test_only_the_owner_may_read_what_is_kept(self, tmp_path: Path) -> None:
        """As of every file of a node."""
        kept(tmp_path / "near")
        modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "near").rglob("*")}
        assert modes == {0}
        assert (tmp_path / "near").stat().st_mode & 0o077 == 0

    def test_no_hash_stands_on_the_disk_in_clear(self, tmp_path: Path) -> None:
        """Nor with its bits in another order, nor with a mask: each file is as if random."""
        kept(tmp_path, 10)
        for path in tmp_path.iterdir():
            raw = path.read_bytes()
            assert not any(picture(number) in raw for number in range(10))

    def test_equal_segments_are_unlike_on_the_disk(self, tmp_path: Path) -> None:
        """Each file has a key of its own."""
        for name in ("one", "other"):
            kept(tmp_path / name, 10)
        (one,), (other,) = ((tmp_path / n).glob("*.segment") for n in ("one", "other"))
        assert one.read_bytes()[-100:] != other.read_bytes()[-100:]


def _flip(at: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1
        path.write_bytes(raw)

    return damage


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = {
    "a bit of the magic": _flip(0),
    "another version": _flip(7),
    "a bit of the salt": _flip(10),
    "a bit of the length": _flip(24),
    "a bit of the head": _flip(30),
    "a bit of the last tag": _flip(-1),
    "a bit before": _flip(-40),
    "cut off": _truncate,
    "cut in half": _half,
    "longer": _append,
    "empty": _empty,
    "missing": Path.unlink,
}


class TestNothingIsBelievedThatDoesNotOpen:
    """Attacks, and a disk that forgets."""

    @pytest.mark.parametrize("which", ["index", "*.segment"])
    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
    def test_damaged_file_is_noticed(
        self, tmp_path: Path, which: str, damage: Callable[[Path], None]
    ) -> None:
        """Wherever it is damaged."""
        kept(tmp_path)
        (path,) = tmp_path.glob(which)
        damage(path)
        with pytest.raises(UnusableFileError):
            load(tmp_path)

    def test_files_of_another_node_are_not_read(self, tmp_path: Path) -> None:
        """Whoever puts them there."""
        kept(tmp_path)
        with pytest.raises(UnusableFileError):
            load(tmp_path, bytes(32))

    def test_segment_under_the_name_of_another_is_not_read(self, tmp_path: Path) -> None:
        """Both are ours, and one is old."""
        kept(tmp_path / "old", 4_999)
        kept(tmp_path)
        (ours,), (old,) = tmp_path.glob("*.segment"), (tmp_path / "old").glob("*.segment")
        ours.write_bytes(old.read_bytes())
        with pytest.raises(UnusableFileError):
            load(tmp_path)

    def test_folder_that_is_not_there_is_nothing_kept(self, tmp_path: Path) -> None:
        """The first start."""
        with pytest.raises(UnusableFileError):
            load(tmp_path / "never")

    def test_what_could_not_be_written_leaves_what_was_kept(self, tmp_path: Path) -> None:
        """A full disk: here, a folder stands in the way."""
        index = kept(tmp_path)
        (tmp_path / "index.new").mkdir()
        index.add(9_000, picture(9_000))
        index.tidy(everything=True)
        with pytest.raises(OSError, match="directory"):
            folder(tmp_path).save(*index.standing())
        (tmp_path / "index.new").rmdir()
        assert load(tmp_path).search(picture(9_000)) == []


class TestSealed:
    """One file."""

    def test_file_that_filled_the_disk_gives_its_room_back(self, tmp_path: Path) -> None:
        """It is a cache, and the disk is the one on which the node takes reports in."""
        with no_file_larger_than(CHUNK), pytest.raises(OSError, match="too large"):
            write(tmp_path / "file", SECRET, token_bytes(16), b"", memoryview(bytes(3 * CHUNK)))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
    def test_file_comes_back_whatever_its_length(self, tmp_path: Path, length: int) -> None:
        """Also where it ends with a chunk."""
        body = picture(1) * (length // 32 + 1)
        write(tmp_path / "file", SECRET, token_bytes(16), b"head", memoryview(body)[:length])
        back = bytearray(length)
        read(tmp_path / "file", SECRET, b"head", memoryview(back))
        assert back == body[:length]

    def test_chunks_in_another_order_are_noticed(self, tmp_path: Path) -> None:
        """Each has its number."""
        path, body = tmp_path / "file", memoryview(picture(1) * (2 * CHUNK // 32))
        write(path, SECRET, token_bytes(16), b"", body)
        raw, sealed = path.read_bytes(), CHUNK + 16
        start = len(raw) - 2 * sealed
        path.write_bytes(raw[:start] + raw[start + sealed :] + raw[start : start + sealed])
        with pytest.raises(UnusableFileError):
            read(path, SECRET, b"", memoryview(bytearray(2 * CHUNK)))

    @pytest.mark.parametrize("length", [0, CHUNK - 1, 2 * CHUNK])
    def test_file_of_another_length_is_noticed(self, tmp_path: Path, length: int) -> None:
        """Shorter or longer than it must be."""
        write(tmp_path / "file", SECRET, token_bytes(16), b"", memoryview(bytes(CHUNK)))
        with pytest.raises(UnusableFileError):
            read(tmp_path / "file", SECRET, b"", memoryview(bytearray(length)))
