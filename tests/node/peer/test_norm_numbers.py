"""Numbers that the norm states in words: docs/protocol.md says what runs, and the other way round.

Tests of behaviour take these numbers from the code, so that none of them sees one change alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from keys.keyring import SEALING_GRACE_MS
from node.casework.contents import sharing
from node.casework.incoming import bounding
from node.casework.mistakes import mass
from node.casework.passing_on import rings
from node.peer.channels import delivery, tenure
from node.peer.http import replays
from node.peer.http.allowances import ALLOWANCES, Cost
from node.peer.ledgers import crosscheck, doubting, ledger, silence, witness, witnessing
from node.peer.ledgers.ledger_exchange import LINEAGE, SHOWING
from node.peer.recovery import recovering, replaying
from node.store.channels import aside, forks
from node.store.ledgers import crosscheck as showings
from node.store.ledgers import lineage, views
from node.store.recovery import handing_back, refilling
from protocol import ledger as ledgers

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
TEXT = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

NUMBERS = [
    ("Of one member 10,000 such entries wait at most", aside.MOST_ASIDE, 10_000),
    ("when the peer restarted, and at least once a day.", tenure.ASK_AGAIN_MS, DAY),
    ("there is a pause of ten seconds at most", delivery.URGENT_MS, 10_000),
    ("A request lives for 60 seconds,", replays.MAX_AGE_MS, 60_000),
    ("give or take 30 for two clocks", replays.SLACK_MS, 30_000),
    ("destroys each a week after its turn", SEALING_GRACE_MS, 7 * DAY),
    ("Once an hour at most (`ledger_minutes`", ledgers.EVERY_MINUTES, 60),
    ("and does after 16,384 leaves", ledger.EPOCH_LEAVES, 16_384),
    ("more than sixty heads of this member in an hour", witness.PER_HOUR, 60),
    ("One that fails is left alone for a minute", witnessing.PAUSE_MS, MINUTE),
    ("then longer, at most an hour, and others", witnessing.LONGEST_PAUSE_MS, HOUR),
    ("more than twelve an hour are `over_quota`", SHOWING.per_hour, 12),
    ("more than sixty an hour are `over_quota`", LINEAGE.per_hour, 60),
    ("three times `ledger_minutes` ago or longer", crosscheck.GRACE, 3),
    ("or nothing that verifies was shown for a day", crosscheck.DAY_MS, DAY),
    ("For a day after a suspension neither", silence.GRACE_MS, DAY),
    ("a log is hashed once, whatever is shown of it, and 65,536 leaves", showings.LEAVES_AT_ONCE,
     65_536),
    ("from the eighth time in a row on", doubting.EVADED, 8),
    ("once the question has waited for thirty days", doubting.LONG_MS, 30 * DAY),
    ("by 24 requests in one exchange at most", doubting.REQUESTS, 24),
    ("ask again after a minute at the earliest", recovering.ASK_AGAIN_MS, MINUTE),
    ("where a person has not decided, else after ten", recovering.CAP_MS, 10 * MINUTE),
    ("the word holds for this key and seven days", handing_back.LASTS_MS, 7 * DAY),
    ("once more 25 hours later", replaying.AGAIN_MS, 25 * HOUR),
    ("and 64 for each epoch that it opened", refilling.OPENING, 64),
    ("more than 64,000 and eight times the messages", (refilling.ALWAYS, refilling.TIMES),
     (64_000, 8)),
    ("at least the newest thousand versions of each member", views.KEPT, 1000),
    ("keeps the first 63 forks and the newest", forks.MOST, 64),
    ("the first 7 showings and the newest", showings.MOST, 8),
    ("of versions more than 24 ahead nothing is remembered", views.AHEAD, 24),
    ("`peer_bytes_per_day` (8 GiB unless said)", ALLOWANCES[Cost.BYTES], (8 << 30, DAY)),
    ("`peer_entries_per_day` (5,000,000)", ALLOWANCES[Cost.ENTRIES], (5_000_000, DAY)),
    ("`peer_epochs_per_hour` (240)", ALLOWANCES[Cost.EPOCHS], (240, HOUR)),
    ("`peer_wasted_per_hour` (120)", ALLOWANCES[Cost.WASTE], (120, HOUR)),
    ("`peer_contents` (1,000,000 unless said)", sharing.AT_MOST, 1_000_000),
    ("`peer_withdrawals` (50 unless said)", mass.AT_MOST, 50),
    ("counts as 366 days ahead", rings.AHEAD_MS, 366 * DAY),
    ("at most 500 events of one item", bounding.MAX_SAID, 500),
    ("under at most 256 ids", bounding.MAX_IDS, 256),
]  # fmt: skip


@pytest.mark.parametrize(("words", "runs", "said"), NUMBERS, ids=[row[0] for row in NUMBERS])
def test_number_of_the_norm_is_the_number_that_runs(words: str, runs: object, said: object) -> None:
    """Whoever changes one of the two changes what members may rely on."""
    assert TEXT.count(words) == 1
    assert runs == said


def test_8_14_ledgers_are_compared_at_least_once_a_day() -> None:
    """Twice, in fact: so one attempt that fails is made up for in time."""
    assert crosscheck.EVERY_MS <= DAY // 2


def test_g11_answers_about_how_a_ledger_goes_on_hash_little() -> None:
    """As the threat model says."""
    assert lineage.LEAVES_AT_ONCE == 65_536
