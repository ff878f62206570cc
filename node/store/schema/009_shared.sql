-- What all are told of contents, as the node's own words stand now. (node/store/shared.py)
CREATE TABLE shared_verdicts (
    event_id TEXT NOT NULL,            -- of a verdict of ours
    part     INTEGER NOT NULL,         -- place of the file among those that it is about
    message  BLOB,                     -- as it was said last; NULL: taken back, for ever
    PRIMARY KEY (event_id, part)
) STRICT, WITHOUT ROWID;

-- How far each member that hears them was told those that stood when it began to.
CREATE TABLE shared_to (
    peer     TEXT PRIMARY KEY,
    event_id TEXT,                     -- up to here; NULL: it was told all
    part     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The item of a verdict, by the time that is in the verdict's id. (kind: EventKind.ASSESSED)
CREATE INDEX events_assessed ON events (learnt_ms) WHERE kind = 8;
