-- The look-up service for hosting companies, as in the embedded store (../006_hashcheck.sql).

CREATE TABLE hashcheck_keys (
    key_sha256 bytea PRIMARY KEY,
    created_ms bigint NOT NULL,
    ends_ms    bigint NOT NULL,                -- when the contract is over
    revoked_ms bigint,
    state      sealed NOT NULL                 -- Contract
);

CREATE TABLE hashcheck_counts (
    day          bigint NOT NULL,              -- days since 1970, UTC
    key_sha256   bytea NOT NULL,
    checks       bigint NOT NULL,
    near         bigint NOT NULL,              -- of those, with a PDQ hash
    hits         bigint NOT NULL,
    reviews      bigint NOT NULL,
    near_reviews bigint NOT NULL,              -- of those, for a PDQ hash
    PRIMARY KEY (day, key_sha256)
);

CREATE TABLE hashcheck_hits (
    reference   text COLLATE "C" PRIMARY KEY,
    key_sha256  bytea NOT NULL,
    mark        bytea NOT NULL,                -- keyed fingerprint of the strongest hash asked
    answered_ms bigint NOT NULL,               -- last
    state       sealed NOT NULL,               -- Hit
    UNIQUE (key_sha256, mark)
);
CREATE INDEX hashcheck_hits_by_age ON hashcheck_hits (answered_ms);

CREATE TABLE hashcheck_complaints (
    id         text COLLATE "C" PRIMARY KEY,
    reference  text COLLATE "C" NOT NULL UNIQUE,  -- hashcheck_hits.reference, which may be gone by now
    key_sha256 bytea NOT NULL,
    opened_ms  bigint NOT NULL,
    decided_ms bigint,                         -- last; NULL: it waits for a person
    upheld     bigint NOT NULL,                -- 1: its contents are blocked
    state      sealed NOT NULL                 -- ComplaintState
);

CREATE TABLE hashcheck_blocked (
    key       bytea NOT NULL,                  -- keyed fingerprint of a hash of a content
    complaint text COLLATE "C" NOT NULL,       -- by which it is blocked
    PRIMARY KEY (key, complaint)
);
