-- Tables whose keys come in no order have a delta in front, as in the embedded store (../002_deltas.sql).

CREATE TABLE item_keys_delta (
    number bigint PRIMARY KEY,                               -- in the order they came
    key    bytea NOT NULL,
    item   text COLLATE "C" NOT NULL
);

CREATE TABLE entry_ids_in_delta (
    number   bigint PRIMARY KEY,                             -- in the order they came
    entry_id bytea NOT NULL,
    peer     text COLLATE "C" NOT NULL,
    digest   sealed NOT NULL
);

-- What we were shown of how each member's ledger goes on from epoch to epoch. (node/store/lineage.py)
CREATE TABLE ledgers_seen (
    member text COLLATE "C" PRIMARY KEY,  -- whose ledger it is
    epoch  bytea NOT NULL,                -- of its last head that was shown to us
    size   bigint NOT NULL,               -- of that head
    root   bytea NOT NULL,                -- of that head
    note   bytea NOT NULL                 -- that head, as its owner signed it
);
