-- The state of an item is what its history says. A row of items has none until a later decision changes it, and stands for
-- the event in its changed_seq: answers that came since and change nothing else are events only. Whoever reads a state
-- folds what is not in it (node/store/states.py).

CREATE VIEW items_told AS
SELECT i.id, i.state, e.seq, e.kind, e.at_ms, e.learnt_ms, e.actor, e.body
FROM items i LEFT JOIN events e ON e.item = i.id
    AND e.seq > CASE WHEN length(i.state) = 0 THEN 0 ELSE i.changed_seq END;

-- Heads of ledgers, as their owners signed them, that others were shown and that stand at another place than what we were
-- shown: until their owner is asked to lead from them. Each proves itself by its signature. (node/store/doubts.py)
CREATE TABLE ledger_doubts (
    member   TEXT NOT NULL,     -- whose ledger it is
    speaker  TEXT NOT NULL,     -- who was shown it, and told us last of all
    note     BLOB NOT NULL,     -- that head
    heard_ms INTEGER NOT NULL,  -- since when something that this speaker told us waits
    PRIMARY KEY (member, speaker)
) STRICT, WITHOUT ROWID;
