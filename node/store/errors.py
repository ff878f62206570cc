"""What can go wrong with the store.

StoreError                  base; `code` names it in logs and answers
  UnknownDatabaseError      there is no database at that path
  WrongKeyError             the key does not open it, or it is no database of ours
  NewerDatabaseError        a newer version of this program made it
  OlderDatabaseError        an older version made it, and may run on it
  UnreleasedDatabaseError   a commit between two releases made it, with other columns
  AlreadyOpenError          another process runs on it
  StoreFullError            the disk is full or read-only: nothing was written
  StoreBusyError            another process holds the file, or a table: nothing was written
  DamagedDatabaseError      SQLite finds the file damaged
  AwayError                 the database server does not answer: nothing was written
  RefusedByServerError      the database server does not let us in
  UnsafeServerError         the server would lose what it confirmed, is too old, or is shared
  UnsureError               the server went away while it committed: nobody knows yet
  SetBackError              the server lost what it had confirmed: a person must say so
  MovedDatabaseError        the store went to a server; the file takes nothing any more
  MoveRefusedError          source or target of a move is not what it must be
  MoveUnfinishedError       a move into this database is not done
  MoveDiffersError          what was copied is not what stands in the file
  MoveBehindError           the node writes faster than is copied
  NoDriverError             [store] url is set and the driver of PostgreSQL is not installed
  ClosedStoreError          the node is stopping: nothing more is taken
  DisplacedError            another tenure took this channel over (fencing)
  ErasedError               what an epoch was to carry was erased meanwhile: the epoch ends
"""

from __future__ import annotations

from typing import ClassVar


class StoreError(Exception):
    """The store cannot do what was asked."""

    code: ClassVar[str] = "store"
    retryable: ClassVar[bool] = False
    ends_node: ClassVar[bool] = False
    """Whether a process that meets it while it writes has nothing left to do here."""

    def __str__(self) -> str:
        """The message in one line: most are the text above a class, which may have several."""
        return " ".join(super().__str__().split())


class UnknownDatabaseError(StoreError):
    """store.path.

    No database there; `hotline init` makes one, `hotline restore` brings one back. If the machine
    is gone, and no backup is left: docs/runbooks/burnt-machine.md.
    """

    code = "store_missing"


class WrongKeyError(StoreError):
    """store.path.

    The key does not open this file; check member.unlock and that keys_dir belongs to this database.
    """

    code = "store_wrong_key"


class NewerDatabaseError(StoreError):
    """store.path.

    Made by a newer version; install that version, or restore the backup it made before its upgrade.
    """

    code = "store_newer"


class OlderDatabaseError(StoreError):
    """store.path.

    Made by an older version, which may still run on it; nothing was written. Stop that one, start
    this version, wait until it is ready, and say this again.
    """

    code = "store_older"


class UnreleasedDatabaseError(StoreError):
    """store.path.

    Made by an unreleased version with other columns; make the node anew, or run that version.
    """

    code = "store_unreleased"


class AlreadyOpenError(StoreError):
    """store.path: another process runs on this database; stop it first."""

    code = "store_in_use"
    ends_node = True


class StoreFullError(StoreError):
    """store.path.

    The disk (of the server, with [store] url) is full or read-only; nothing was written. Free
    space; the node resumes by itself.
    """

    code = "store_full"
    retryable = True


class StoreBusyError(StoreError):
    """store.path.

    Another process holds the file for writing, as a move does at its end, or a table of the server
    (ALTER, VACUUM FULL); nothing was written. Try again.
    """

    code = "store_busy"
    retryable = True


class DamagedDatabaseError(StoreError):
    """store.path: the file is damaged; stop the node and `hotline restore` the last backup."""

    code = "store_damaged"


class AwayError(StoreError):
    """store.url.

    The database server does not answer, or is still a standby; nothing was written. Start it, or
    promote it; the node resumes by itself.
    """

    code = "store_away"
    retryable = True


class RefusedByServerError(StoreError):
    """store.url: the database server does not let this node in; check user, password and TLS."""

    code = "store_refused"


class UnsafeServerError(StoreError):
    """store.url: the server may lose what it confirms; set fsync and full_page_writes to on."""

    code = "store_unsafe"


class UnsureError(StoreError):
    """store.url.

    The server went away while it committed and did not come back; it may be kept. Ask again.
    """

    code = "store_unsure"
    retryable = True


class SetBackError(StoreError):
    """store.url.

    The server lost what it had confirmed: a standby was promoted that was behind, or a copy put in
    its place. Stop every process of the node, say `hotline restored`, start again.
    """

    code = "store_set_back"
    ends_node = True


class MovedDatabaseError(StoreError):
    """store.path: this store has moved to a database server; set [store] url to it."""

    code = "store_moved"
    ends_node = True


class MoveRefusedError(StoreError):
    """--to: name an empty database of this node's own."""

    code = "store_move_refused"


class MoveUnfinishedError(StoreError):
    """store.url: a move into this database is not done; run `hotline store migrate` again."""

    code = "store_move_unfinished"


class MoveDiffersError(StoreError):
    """--to: what was copied is not what stands in the file; empty that database, begin again."""

    code = "store_move_differs"


class MoveBehindError(StoreError):
    """store.path.

    The node writes faster than is copied, or the pause at the end would be longer than 10 s; what
    is copied stays. Run it again at a calmer time, or while the node is stopped.
    """

    code = "store_move_behind"
    retryable = True


class TooManyCategoriesError(StoreError):
    """category: a list has at most 256; see whether the right column is read as the category."""

    code = "list_categories"


class NoDriverError(StoreError):
    """store.url: the driver is missing; pip install 'hotline-exchange[postgres]'."""

    code = "store_no_driver"


class ClosedStoreError(StoreError):
    """store: the node is stopping; nothing was written. Try again when it runs."""

    code = "shutting_down"
    retryable = True


class DisplacedError(StoreError):
    """Another tenure took this channel over; this process must acquire it again before it sends."""

    code = "store_displaced"


class ErasedError(StoreError):
    """What stood in this epoch, or was to, was erased before the peer held it: the epoch ends."""

    code = "store_erased"
    retryable = True
