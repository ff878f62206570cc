"""What came from another member and is in custody."""

from __future__ import annotations

import msgspec

from protocol.vocabulary import Lane


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """An entry in custody, not judged yet, named by its place: sender, lane, epoch, index.

    What is said of it goes back to the store with this very object; how the store finds it again is
    the store's own affair. `disavowed`: its sender said that somebody else signed it, and has not
    said it again itself. `conflict`: it bears an id under which something else was taken before.
    `let_go`: it waited for a person (`mass`), who lets it go on. `refused`: it was not permitted
    under another registry, or before a restart, and stood before a person then. `set_aside`: so,
    but it was not judged at all then.
    """

    peer: str
    lane: Lane
    epoch: bytes
    index: int
    leaf: bytes
    entry: bytes
    disavowed: bool = False
    conflict: bool = False
    let_go: bool = False
    refused: bool = False
    set_aside: bool = False
