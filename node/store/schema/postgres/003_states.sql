-- What a row of items does not tell yet, as in the embedded store (../003_states.sql).

CREATE VIEW item_states AS
SELECT i.id, i.state, e.seq, e.kind, e.at_ms, e.learnt_ms, e.actor, e.body
FROM items i LEFT JOIN events e ON e.item = i.id AND e.seq > i.changed_seq;
