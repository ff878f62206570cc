-- The state of an item is what its history says. A row of items has none until a later decision changes it, and stands for
-- the event in its changed_seq: answers that came since and change nothing else are events only. Whoever reads a state
-- folds what is not in it (node/store/states.py).

CREATE VIEW items_told AS
SELECT i.id, i.state, e.seq, e.kind, e.at_ms, e.learnt_ms, e.actor, e.body
FROM items i LEFT JOIN events e ON e.item = i.id
    AND e.seq > CASE WHEN length(i.state) = 0 THEN 0 ELSE i.changed_seq END;
