-- What all are told of contents, as in the embedded store (../009_shared.sql).

CREATE TABLE shared_verdicts (
    event_id text COLLATE "C" NOT NULL,                      -- of a verdict of ours
    part     bigint NOT NULL,                                -- place of the file among those that it is about
    message  sealed,                                         -- as it was said last; NULL: taken back, for ever
    PRIMARY KEY (event_id, part)
);

CREATE TABLE shared_to (
    peer     text COLLATE "C" PRIMARY KEY,
    event_id text COLLATE "C",                               -- up to here; NULL: it was told all
    part     bigint NOT NULL
);

CREATE INDEX events_assessed ON events (learnt_ms) WHERE kind = 8;
