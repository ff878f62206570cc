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
