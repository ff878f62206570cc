-- When members erased items that will not come: by tombstones in their logs, and by what waits for one. (node/store/ending.py)
CREATE TABLE erased_unsent (
    peer      TEXT NOT NULL,
    erased_ms INTEGER NOT NULL,
    entry     INTEGER NOT NULL,        -- entries_in.seq of the word that waited for it; 0: a tombstone says so
    PRIMARY KEY (peer, erased_ms, entry)
) STRICT, WITHOUT ROWID;
DROP INDEX IF EXISTS entries_in_of_channel;
