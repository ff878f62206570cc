"""What a receiver tells of what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.facts import Sighting
from protocol.messages import DispositionNote
from protocol.vocabulary import (
    Source,
)
from tests.builders.cases import (
    event_id,
    said,
)
from tests.builders.network import NOW_MS

if TYPE_CHECKING:
    from protocol import messages
    from tests.node.casework.arriving import Receiver

SEEN = Sighting(event_id(40, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)


def told(receiver: Receiver) -> list[tuple[str, messages.Message]]:
    """What is said besides the answers."""
    return [(to, m) for to, m in said(receiver.book) if not isinstance(m, DispositionNote)]
