"""Hashes of files that somebody holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from node.interchange.errors import UnreadableFileError
from node.interchange.hashing import CHUNK_BYTES, hash_file


def test_the_published_vectors_come_out(tmp_path: Path) -> None:
    """`abc` as in FIPS 180-4 and RFC 1321."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    hashes = hash_file(path).hashes
    assert hashes.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashes.sha1 == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert hashes.md5 == "900150983cd24fb0d6963f7d28e17f72"
    assert (hashes.length, hashes.pdq) == (3, None)


def test_a_file_of_several_pieces_is_hashed_as_one(tmp_path: Path) -> None:
    """The pieces in which it is read leave no trace."""
    path = tmp_path / "a"
    content = b"a" * (2 * CHUNK_BYTES + 1)
    path.write_bytes(content)
    found = hash_file(path).hashes
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.length == len(content)


@pytest.mark.parametrize(
    ("content", "word"), [(b"", "empty"), (b" <!DOCTYPE HTML><p>", "web page"), (b"<html>", "page")]
)
def test_what_can_hardly_be_content_is_said(tmp_path: Path, content: bytes, word: str) -> None:
    """It is hashed all the same: nothing is refused."""
    path = tmp_path / "a"
    path.write_bytes(content)
    found = hash_file(path)
    assert found.warning is not None
    assert word in found.warning
    assert found.hashes.length == len(content)


def test_a_folder_is_named_as_unreadable(tmp_path: Path) -> None:
    """The mend is to give a file."""
    with pytest.raises(UnreadableFileError, match="directory"):
        hash_file(tmp_path)


def test_a_device_is_not_read() -> None:
    """`/dev/zero` would never end."""
    with pytest.raises(UnreadableFileError, match="device"):
        hash_file(Path("/dev/null"))
