"""What people write to people of other members (docs/protocol.md §6.4).

The one message with free text. It is about one item, and goes to one member that knows it.
"""

import unicodedata

from protocol.facts import Fact
from protocol.fields import MessageText, SubjectId, TimeMs


class PeerMessage(Fact, frozen=True):
    """Free text that a person wrote to a person of the addressee about one item, and previewed.

    `item_id` is the id that the addressee knows; `message_id` is minted by the author, who is the
    sender: nobody hands a message on.
    """

    item_id: SubjectId
    message_id: SubjectId
    text: MessageText
    at_ms: TimeMs

    def __post_init__(self) -> None:
        if any(unicodedata.category(one) == "Cc" and one != "\n" for one in self.text):
            raise ValueError("text: must have no control characters but line ends")
