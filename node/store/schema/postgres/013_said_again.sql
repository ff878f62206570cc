-- Which entries in custody arrived a second time, by id: what takes the body of the first takes theirs. (node/store/repeats.py)
CREATE TABLE said_again (
    peer     text COLLATE "C" NOT NULL,
    entry_id bytea NOT NULL,
    entry    bigint NOT NULL,          -- entries_in.seq
    PRIMARY KEY (peer, entry_id, entry)
);
-- The entries in disavowed ranges, by leaf: what their sender says again is found among them. (node/store/disavowing.py)
CREATE TABLE disavowed_leaves (
    peer  text COLLATE "C" NOT NULL,
    leaf  bytea NOT NULL,
    entry bigint NOT NULL,             -- entries_in.seq
    PRIMARY KEY (peer, leaf, entry)
);
INSERT INTO disavowed_leaves SELECT DISTINCT peer, leaf, seq FROM in_disavowed_ranges;
CREATE INDEX entries_in_said_again ON entries_in (peer, leaf) WHERE answer IN ('repeat', 'conflict');
DROP INDEX IF EXISTS entries_in_again;
-- Tombstones and disavowals: messages about no item, that are said once.
CREATE INDEX messages_out_said_once ON messages_out (entry_id) WHERE kind = 3 OR kind = 64;
-- Work lists of people are read in the order of ids.
CREATE INDEX items_to_review ON items (id) WHERE review IS NOT NULL;
DROP INDEX IF EXISTS items_in_review;
CREATE INDEX items_here ON items (id) WHERE custody = 'here';
