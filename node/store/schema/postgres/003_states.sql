-- What a row of items does not tell, as in the embedded store (../003_states.sql). Sealed, nothing is 29 bytes long.

CREATE VIEW items_told AS
SELECT i.id, i.state, e.seq, e.kind, e.at_ms, e.learnt_ms, e.actor, e.body
FROM items i LEFT JOIN events e ON e.item = i.id
    AND e.seq > CASE WHEN octet_length(i.state) = 29 THEN 0 ELSE i.changed_seq END;

-- Heads of ledgers, as their owners signed them, that others were shown, until their owner is asked. (node/store/doubts.py)
CREATE TABLE ledger_doubts (
    member   text COLLATE "C" NOT NULL,  -- whose ledger it is
    speaker  text COLLATE "C" NOT NULL,  -- who was shown it, and told us last of all
    note     bytea NOT NULL,             -- that head
    heard_ms bigint NOT NULL,            -- since when something that this speaker told us waits
    PRIMARY KEY (member, speaker)
);
