"""One channel as two pure state machines: its sender and its receiver (docs/protocol.md §8).

A channel is what one member says to another on one lane. It is a chain of **epochs**, each an
append-only log, and it must survive processes that die, processes that come back from the dead,
databases restored from a backup on either side, and a network that loses, repeats and reorders,
with nothing lost, nothing twice, and never two signed roots for one origin and size.

Theory of operation
-------------------
*Forks cannot happen* because a process signs only in an epoch that it opened itself, and opens
each under a fresh random name. Two processes that believe they own the channel sign in two
different epochs, so they can contradict each other but not the log.

*Only one of them gets through*, because entry 0 of an epoch names the state that the receiver
last told (its epoch, size and root), and the receiver takes a new epoch only if that is exactly
its state: a compare-and-swap over the network. Taking it closes the old epoch for ever. Whatever
arrives late from a closed epoch is refused, and was never receipted.

*Nothing is lost*, because an entry counts as settled only while it lies in the state that the
receiver freshly told, or through the entry 0s in that state's ancestors. All else is appended
again in the next epoch, under its old id, receipt or not. So a receiver that was restored from a
backup simply tells its old state and is refilled; its former receipts remain as evidence.

*Nothing happens twice*, because the same thing has the same id for ever and the receiver's node
de-duplicates on it; repeats are therefore harmless here, and the rules above may be generous.

                     told state is...                         sender does
    ours, at a size we signed                 AGREED    send on from the told size
    what our entry 0 names                    AWAITED   send our epoch from its start
    another that we remember, or none at all  BEHIND    take the lease anew, open a new epoch
    one that we do not remember               STRANGE   stop: stolen key, or our own old backup

States are plain columns (bytes, integers), so that a store keeps them on a row beside a fencing
column. This module trusts that rule (1) holds outside of it: epoch id, entry 0, leaves and signed
checkpoints are durable before a byte of them leaves the process; and entries, edge and receipt
are durable in one transaction before the receipt leaves the receiver.

The two machines stand in `sending.py` and `receiving.py`, the answers between them in
`answers.py`; this module is their one door.
"""

from protocol.answers import ANSWERS, NOTHING, Answer, AnswerCode, Position, Then, Told
from protocol.checkpoint import Channel
from protocol.receiving import (
    STEPS,
    UNOPENED,
    Accepted,
    EpochIs,
    ReceiverState,
    Refusal,
    SizeIs,
    Sorted,
    Step,
    accept,
    compare,
    sort_push,
)
from protocol.sending import (
    NEXT,
    Again,
    Cut,
    Judgement,
    Next,
    SenderState,
    Standing,
    again,
    chain_of,
    cut,
    first_message,
    is_settled,
    judge,
    open_epoch,
    tenure_holds,
)

__all__ = [
    "ANSWERS",
    "NEXT",
    "NOTHING",
    "STEPS",
    "UNOPENED",
    "Accepted",
    "Again",
    "Answer",
    "AnswerCode",
    "Channel",
    "Cut",
    "EpochIs",
    "Judgement",
    "Next",
    "Position",
    "ReceiverState",
    "Refusal",
    "SenderState",
    "SizeIs",
    "Sorted",
    "Standing",
    "Step",
    "Then",
    "Told",
    "accept",
    "again",
    "chain_of",
    "compare",
    "cut",
    "first_message",
    "is_settled",
    "judge",
    "open_epoch",
    "sort_push",
    "tenure_holds",
]
