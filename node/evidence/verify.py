"""Walking everything this node keeps, and saying what holds (`hotline verify`).

1. The file: SQLite's own check.
2. The history: numbers without a gap, each event's leaf, the chain, the signed heads over it.
3. What is derived from it: every item, report and key is folded again from the events.
4. What was sent: each log's leaves from its entries, each signed checkpoint from its leaves, each
   receipt; that each epoch names its predecessor; that no message has vanished from the outbox.
5. What is held: the same for other members' logs, the answers given to their entries, and what
   they disavow.
6. Proofs that a member split its history: each must still prove it.
7. What was erased: only what an event of the history says, entry by entry, has no body; and what
   came back without one when the node was recovered, which is counted and named by channel.
8. The ledger: its leaves, its signed heads, and that it says what the logs say; the cosignatures
   of witnesses on it; and what this node cosigned as a witness and saw of others' ledgers.

A change of any column that carries a fact is found by one of them and named: by table, place and
code, never by content. What cannot be seen from inside: a database replaced as a whole by an older
one of its own (the peers notice that), and rewriting by somebody who holds the log key: for that
the head of the ledger must have been witnessed before, and the report says whether it was.
"""

from __future__ import annotations

from node.evidence.answers import verify_answers
from node.evidence.believed import Believed
from node.evidence.channels import verify_held, verify_sent, verify_whole
from node.evidence.disavowals import verify_disavowed
from node.evidence.findings import Findings
from node.evidence.forks import verify_forks
from node.evidence.gone import Gone, came_back_bare
from node.evidence.history import verify_history
from node.evidence.ledger import verify_ledger
from node.evidence.outbox import verify_messages
from node.evidence.tombstones import verify_tombstones
from node.evidence.witnesses import (
    verify_cosignatures,
    verify_differences,
    verify_seen,
    verify_witnessed,
)
from node.store.audits.audit import Audit


def verify(audit: Audit, believed: Believed) -> Findings:
    """Walk the whole database as of one moment and say what holds.

    Raises:
        StoreError: the database can't be read at all.
    """
    findings = Findings()
    audit.begin()
    try:
        damaged = audit.damaged()
        if damaged is not None:
            findings.add("file", "database", damaged)
        story = verify_history(audit, believed, findings)
        bare = came_back_bare(audit.recovery, believed.node_secret, findings)
        verify_sent(audit, believed, Gone(story.leaves, bare), findings)
        verify_held(audit, believed, Gone(story.leaves), findings)
        buried = verify_tombstones(audit, story, findings)
        verify_whole(audit, findings)
        told = verify_messages(audit, believed, story, findings)
        verify_answers(audit, story, told, buried, believed, findings)
        verify_disavowed(audit, findings)
        verify_ledger(audit, believed, findings)
        verify_cosignatures(audit, believed, findings)
        verify_witnessed(audit, believed, findings)
        verify_seen(audit, believed, findings)
        verify_differences(audit, believed, findings)
        verify_forks(audit.forks(), believed.registry, findings)
    finally:
        audit.end()
    findings.found.sort()
    return findings
