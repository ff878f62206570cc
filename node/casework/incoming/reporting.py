"""Who may report more of an item that is known here (docs/protocol.md §10.3, §10.9.3).

What is urgent goes first, also in its lane: so who hands an item back may be heard of it before the
item comes.
"""

from __future__ import annotations

from node.casework.incoming.once import is_own
from node.casework.incoming.under_id import means
from node.casework.item import Custody, ItemState
from node.casework.passing_on.chains import handed_to
from node.casework.postbox import Postbox
from protocol.messages import Sighted
from protocol.vocabulary import Disposition


def unheard(
    us: str, postbox: Postbox, state: ItemState, peer: str, message: Sighted
) -> Disposition | None:
    """Return what a report is answered that is not heard, or not yet; None: it is heard."""
    if message.sighting is not None and not is_own(message.sighting):
        return Disposition.NOT_PERMITTED
    if not means(us, postbox, state, peer, message.item_id):
        return Disposition.NOT_PERMITTED
    if any(informant.member == peer for informant in state.informants):
        return None
    comes_back = state.custody is Custody.HANDED_ON or peer in handed_to(us, state)
    return Disposition.PARKED if comes_back else Disposition.NOT_PERMITTED
