-- Tables whose keys come in no order have a delta in front: rows that came last, in the order they
-- came, until many of them move at once (node/store/delta.py). Whoever looks for a row looks into both.

CREATE TABLE item_keys_delta (
    number INTEGER PRIMARY KEY,        -- in the order they came
    key    BLOB NOT NULL,
    item   TEXT NOT NULL
) STRICT;

CREATE TABLE entry_ids_in_delta (
    number   INTEGER PRIMARY KEY,      -- in the order they came
    entry_id BLOB NOT NULL,
    peer     TEXT NOT NULL,
    digest   BLOB NOT NULL
) STRICT;

-- What we were shown of how each member's ledger goes on from epoch to epoch. (node/store/lineage.py)
CREATE TABLE ledgers_seen (
    member TEXT PRIMARY KEY,  -- whose ledger it is
    epoch  BLOB NOT NULL,     -- of its last head that was shown to us
    size   INTEGER NOT NULL,  -- of that head
    root   BLOB NOT NULL,     -- of that head
    note   BLOB NOT NULL      -- that head, as its owner signed it
) STRICT, WITHOUT ROWID;
