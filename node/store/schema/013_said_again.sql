-- Which entries in custody arrived a second time, by id: what takes the body of the first takes theirs. (node/store/repeats.py)
CREATE TABLE said_again (
    peer     TEXT NOT NULL,
    entry_id BLOB NOT NULL,
    entry    INTEGER NOT NULL,         -- entries_in.seq
    PRIMARY KEY (peer, entry_id, entry)
) STRICT, WITHOUT ROWID;
-- The entries in disavowed ranges, by leaf: what their sender says again is found among them. (node/store/disavowing.py)
CREATE TABLE disavowed_leaves (
    peer  TEXT NOT NULL,
    leaf  BLOB NOT NULL,
    entry INTEGER NOT NULL,            -- entries_in.seq
    PRIMARY KEY (peer, leaf, entry)
) STRICT, WITHOUT ROWID;
-- A database of a commit between two releases may lack these still (node/store/completing.py).
CREATE TABLE IF NOT EXISTS disavowed_in (
    entry INTEGER PRIMARY KEY,         -- entries_in.seq of the entry that says so
    peer  TEXT NOT NULL,
    lane  TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- an earlier one of the same channel
    first INTEGER NOT NULL,
    size  INTEGER NOT NULL
) STRICT;
CREATE VIEW IF NOT EXISTS in_disavowed_ranges AS     -- entries in custody that stand in such a range
SELECT e.* FROM disavowed_in d JOIN entries_in e
    ON e.peer = d.peer AND e.lane = d.lane AND e.epoch = d.epoch AND e.idx >= d.first AND e.idx < d.size;
INSERT INTO disavowed_leaves SELECT DISTINCT peer, leaf, seq FROM in_disavowed_ranges;
CREATE INDEX entries_in_said_again ON entries_in (peer, leaf) WHERE answer IN ('repeat', 'conflict');
DROP INDEX IF EXISTS entries_in_again;
-- Tombstones and disavowals: messages about no item, that are said once.
CREATE INDEX messages_out_said_once ON messages_out (entry_id) WHERE kind = 3 OR kind = 64;
-- Work lists of people are read in the order of ids.
CREATE INDEX items_to_review ON items (id) WHERE review IS NOT NULL;
DROP INDEX IF EXISTS items_in_review;
CREATE INDEX items_here ON items (id) WHERE custody = 'here';
