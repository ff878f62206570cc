"""Content hashes of a file that somebody holds: computed in a stream, printed, never kept.

SHA-256, SHA-1, MD5 and length, the fields of `hashes` in a report. PDQ is not computed: it needs
the decoded picture, and this program never decodes imagery.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from node.casework.reports.draft import HashesDraft
from node.interchange.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_BYTES: Final = 1 << 20
_HTML: Final = (b"<!doctype html", b"<html")
_SNIFF_BYTES: Final = 512


class FileHashes(NamedTuple):
    """The hashes of one file; `warning` says why it can hardly be content, where that shows."""

    hashes: HashesDraft
    warning: str | None


def hash_file(path: Path) -> FileHashes:
    """Hash the file at `path` piece by piece, whatever its size.

    Raises:
        UnreadableFileError: it cannot be opened or read, or is a device, which may never end.
    """
    digests = (
        hashlib.sha256(),
        hashlib.sha1(usedforsecurity=False),
        hashlib.md5(usedforsecurity=False),
    )
    length, head = 0, b""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                raise UnreadableFileError("file: is a device; name a file, or pipe it in")
            while chunk := file.read(CHUNK_BYTES):
                head = head or chunk[:_SNIFF_BYTES]
                length += len(chunk)
                for digest in digests:
                    digest.update(chunk)
    except OSError as error:
        raise UnreadableFileError(f"file: cannot be read ({error.strerror})") from None
    sha256, sha1, md5 = (digest.hexdigest() for digest in digests)
    hashes = HashesDraft(sha256=sha256, sha1=sha1, md5=md5, length=length)
    return FileHashes(hashes, _warning(head))


def _warning(head: bytes) -> str | None:
    if not head:
        return "is empty: there is no content; the API refuses a length of 0"
    if head.lstrip().lower().startswith(_HTML):
        return "looks like a web page; a page is never content, report it without hashes"
    return None
