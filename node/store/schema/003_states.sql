-- A row of items stands for the event in its changed_seq. Answers that came since and change nothing else are
-- events only: whoever reads a state folds them (node/store/states.py).

CREATE VIEW item_states AS
SELECT i.id, i.state, e.seq, e.kind, e.at_ms, e.learnt_ms, e.actor, e.body
FROM items i LEFT JOIN events e ON e.item = i.id AND e.seq > i.changed_seq;
