"""Why a case could not be worked on as asked.

CaseworkError            base: `code`, `field`
  DraftRejectedError     a line or request that makes no sense, with the field and the mend
  UnknownItemError       no such item here
  NotResponsibleError    another member is responsible; only it acts
  BeingLocatedError      nobody is responsible yet; police can be told, and `moved` recorded
  ItemClosedError        the item is closed; a check that finds it online reopens it
  ItemMovedError         located again before a notice, it is hosted elsewhere now and went on
  PlaceDoubtedError      located again before a notice, it may be elsewhere: a person must look
  NotHiddenError         no proxy hides the item: its hoster is whom to notify
  AlreadyNotifiedError   the proxy that hides the item was notified before
  MessageUnreadableError  the addressee's node does not read messages
  ItemOpenError          the item is open; retention does not erase it
  ItemReportedAgainError  it was told of once more; retention does not erase it unlooked
  UnderLegalHoldError    a person put a hold on the item; it is not erased while that lasts
  UnknownHoldError       the item has no such hold
  UnknownVerdictError    the item has no such verdict of this hotline
  ForeignVerdictError    an id that no verdict of this hotline has
  UnknownCursorError     a cursor of the change feed that this node never gave
  ChangedSinceError      the item is no more as it was when its caller had read it
  UnderReferralError     the police were told of the item; it is not erased while it is open
"""

from __future__ import annotations

from typing import ClassVar


class CaseworkError(Exception):
    """The case cannot be worked on as asked."""

    code: ClassVar[str] = "casework"
    retryable: ClassVar[bool] = False
    field: str = "item"


class DraftRejectedError(CaseworkError):
    """Something handed in makes no sense; `field` names it, the message says how to mend it."""

    code = "draft_rejected"

    def __init__(self, field: str, mend: str, reason: str = "draft_rejected") -> None:
        super().__init__(f"{field}: {mend}")
        self.field = field
        self.mend = mend
        self.reason = reason


class UnknownItemError(CaseworkError):
    """item: no such item at this node; ids are listed by GET /api/v1/items."""

    code = "unknown_item"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ChangedSinceError(CaseworkError):
    """If-Match: the item changed since it was read; nothing was recorded: read it, decide again."""

    code = "changed_since"
    field = "If-Match"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NotResponsibleError(CaseworkError):
    """item: another member is responsible for it and alone acts; add an assessment instead."""

    code = "not_responsible"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class BeingLocatedError(CaseworkError):
    """item: it is being located; meanwhile record `lea_notified`, or `moved` with its country."""

    code = "being_located"
    retryable = True

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ItemClosedError(CaseworkError):
    """action: the item is closed; record `seen_online` first if it is back."""

    code = "item_closed"
    field = "action"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ItemMovedError(CaseworkError):
    """The item is hosted in another country now: it went on, and whoever has it gives notice."""

    code = "item_moved"

    def __init__(self, member: str) -> None:
        super().__init__(
            f"item: located again, it is hosted elsewhere now and went to {member}; the notice was"
            " not recorded: send none, that member does"
        )
        self.member = member


class PlaceDoubtedError(CaseworkError):
    """item: located again, it may be hosted elsewhere; look at its evidence, then record again."""

    code = "place_doubted"

    def __init__(self) -> None:
        super().__init__(
            "item: located again, it may be hosted elsewhere, and the notice was not recorded: look"
            " at its jurisdiction, then record `moved` with the country, or the notice once more"
        )


class NotHiddenError(CaseworkError):
    """item: no proxy hides it; notify its hoster, and record `host_notified`."""

    code = "not_hidden"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class AlreadyNotifiedError(CaseworkError):
    """item: the proxy that hides it was notified before; see its `proxy_notices`."""

    code = "already_notified"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class MessageUnreadableError(CaseworkError):
    """to: this member's node does not read messages yet; nothing was sent, telephone instead."""

    code = "message_unreadable"
    field = "to"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ItemOpenError(CaseworkError):
    """item: it is open here; retention erases what is closed, a withdrawal or an error anything."""

    code = "item_open"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ItemReportedAgainError(CaseworkError):
    """item: it was reported again and nobody has looked; retention waits for a person."""

    code = "item_reported_again"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnderReferralError(CaseworkError):
    """item: the police were told of it and it is open; it can be erased once it is closed."""

    code = "under_referral"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnderLegalHoldError(CaseworkError):
    """item: a person put a legal hold on it; it can be erased once that is lifted or over."""

    code = "under_legal_hold"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnknownHoldError(CaseworkError):
    """hold: the item has no such hold; its holds stand with the item."""

    code = "unknown_hold"
    field = "hold"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnknownVerdictError(CaseworkError):
    """verdict: the item has no such verdict of this hotline; its ids stand with the assessments."""

    code = "unknown_verdict"
    field = "verdict"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ForeignVerdictError(CaseworkError):
    """verdict: this id bears the name of no verdict of this hotline; who gave it takes it back."""

    code = "foreign_verdict"
    field = "verdict"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class CursorGoneError(CaseworkError):
    """after: this history was restored from a backup that holds less; read again from a cursor."""

    code = "cursor_gone"

    def __init__(self, read_from: int, field: str = "after") -> None:
        super().__init__(
            f"{field}: the history was restored from a backup; read again with {field}={read_from}"
        )
        self.read_from = read_from
        self.field = field


class UnknownCursorError(CaseworkError):
    """after: past the newest change here; this node never gave that cursor."""

    code = "unknown_cursor"

    def __init__(self, newest: int, field: str = "after") -> None:
        super().__init__(
            f"{field}: lies past the newest change ({newest}), so it is no cursor of this node;"
            " use one that this node gave, or 0 to read from the start"
        )
        self.newest = newest
        self.field = field


class RecoveringError(CaseworkError):
    """node: it lost its database and comes back; hand this in again when it is whole."""

    code = "recovering"
    retryable = True

    def __init__(self) -> None:
        super().__init__(self.__doc__)
