"""What the API needs of the rest of the node, and the shapes of its own answers.

`Desk` is the whole seam: the composition root hands one in. The answers here and in
`node.casework.showing.views` are public JSON: within v1 fields are added, never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from node.casework.ending.erasing import ErasureDraft, ErasureView
from node.casework.mistakes.correcting import Correcting
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    HoldDraft,
    MessageDraft,
    ProxyNoticeDraft,
    ReportDraft,
)
from node.casework.showing.change_views import ChangeView
from node.casework.showing.views import HoldView, ItemView, MessageView
from node.store.items.queries import ItemQuery

MAX_CURSOR = (1 << 53) - 1


class Submitted(Protocol):
    """What the desk says of one draft: see `ReportAnswer`."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def report_id(self) -> str | None: ...  # noqa: D102
    @property
    def items(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def code(self) -> str | None: ...  # noqa: D102
    @property
    def field(self) -> str | None: ...  # noqa: D102
    @property
    def detail(self) -> str | None: ...  # noqa: D102


class Changed(Protocol):
    """Some changes in order and without gaps, and the cursor to go on from."""

    @property
    def changes(self) -> Sequence[ChangeView]: ...  # noqa: D102
    @property
    def cursor(self) -> int: ...  # noqa: D102


class Desk(Protocol):
    """Where reports are taken in and cases are worked on.

    Methods raise `CaseworkError` (a code, a field, a mend) for what cannot be done as asked, and
    `StoreError` when nothing could be kept.
    """

    async def submit(self, drafts: Sequence[ReportDraft], *, actor: str) -> Sequence[Submitted]:
        """Take reports in, all durable on return; one result a draft, a bad one harms no other."""
        ...

    async def assess(self, item_id: str, draft: AssessmentDraft, *, actor: str) -> ItemView:
        """Record this hotline's verdict of an item."""
        ...

    async def act(self, item_id: str, draft: ActionDraft, *, actor: str) -> ItemView:
        """Record what was done about an item."""
        ...

    async def notify_proxy(self, item_id: str, draft: ProxyNoticeDraft, *, actor: str) -> ItemView:
        """Record a notice to the proxy that hides an item."""
        ...

    @property
    def correcting(self) -> Correcting:
        """Where words are taken back."""
        ...

    async def hold(self, item_id: str, draft: HoldDraft, *, actor: str) -> HoldView:
        """Put a legal hold on an item."""
        ...

    async def lift(self, item_id: str, hold_id: str, *, actor: str) -> HoldView:
        """Lift a legal hold; it is returned as it was."""
        ...

    async def erase(self, item_id: str, draft: ErasureDraft, *, actor: str) -> ErasureView:
        """Erase an item by a person's word."""
        ...

    async def erased(self, item_id: str) -> tuple[ErasureView, int] | None:
        """Return what is left of an item that was erased here, and when that was (ms UTC)."""
        ...

    async def add_hashes(self, item_id: str, draft: HashesDraft, *, actor: str) -> ItemView:
        """Add hashes that were computed later; the matching runs again."""
        ...

    async def write(self, item_id: str, draft: MessageDraft, *, actor: str) -> MessageView:
        """Show a message to a peer as it would be sent, or send it."""
        ...

    async def item(self, item_id: str) -> ItemView | None:
        """Return an item by its id or an alias; None if it is not here."""
        ...

    async def items(self, wanted: ItemQuery) -> Sequence[ItemView]:
        """List items in the order of their ids."""
        ...

    async def changes(self, after: int, limit: int, wait_s: float) -> Changed:
        """Return events after a cursor; where there are none, wait up to `wait_s` for the first."""
        ...


class ItemAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item of a report that was handed in.

    `outcome`: `new`, `known` (new here, but its content was judged before: at `same_as`),
    `duplicate` (a sighting of the item `same_as`), `repeated` (this very line was in already) or
    `revision` (it was, and brought facts that were missing).
    """

    item_id: str
    outcome: str
    same_as: str | None = None


class ReportAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a report that was taken in."""

    status: Literal["accepted", "repeated"]
    report_id: str
    items: tuple[ItemAnswer, ...]


class LineAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the answer to a bulk body.

    `line` counts from 1 in the body. `rejected` lines have `code`, `detail` (the mend) and mostly
    `field`. `stopped` ends an answer early: every line before it is done, the others must be sent
    again (which doubles nothing for lines that have a reference or an identity).
    """

    line: int
    status: Literal["accepted", "repeated", "rejected", "stopped"]
    report_id: str | None = None
    items: tuple[ItemAnswer, ...] = ()
    code: str | None = None
    field: str | None = None
    detail: str | None = None


class ItemsPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Some items in the order of their ids; `next` is the cursor of the next page, if any."""

    items: tuple[ItemView, ...]
    next: str | None = None


class ChangesPage(msgspec.Struct, frozen=True):
    """Changes in order and without gaps; `cursor` is what to ask after next time."""

    changes: tuple[ChangeView, ...]
    cursor: int
