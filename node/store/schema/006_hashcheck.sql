-- The look-up service for hosting companies. (node/hashcheck/contract.py, node/store/hashcheck.py)

CREATE TABLE hashcheck_keys (
    key_sha256 BLOB PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    ends_ms    INTEGER NOT NULL,       -- when the contract is over
    revoked_ms INTEGER,
    state      BLOB NOT NULL           -- Contract
) STRICT, WITHOUT ROWID;

-- How much was asked, by day and key: numbers alone, of what was asked nothing is kept.
CREATE TABLE hashcheck_counts (
    day          INTEGER NOT NULL,     -- days since 1970, UTC
    key_sha256   BLOB NOT NULL,
    checks       INTEGER NOT NULL,
    near         INTEGER NOT NULL,     -- of those, with a PDQ hash
    hits         INTEGER NOT NULL,
    reviews      INTEGER NOT NULL,
    near_reviews INTEGER NOT NULL,     -- of those, for a PDQ hash
    PRIMARY KEY (day, key_sha256)
) STRICT, WITHOUT ROWID;

-- Hits, for thirty days after they were last given: until then they can be complained of.
CREATE TABLE hashcheck_hits (
    reference   TEXT PRIMARY KEY,
    key_sha256  BLOB NOT NULL,
    mark        BLOB NOT NULL,         -- keyed fingerprint of the strongest hash asked
    answered_ms INTEGER NOT NULL,      -- last
    state       BLOB NOT NULL,         -- Hit
    UNIQUE (key_sha256, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX hashcheck_hits_by_age ON hashcheck_hits (answered_ms);

-- Complaints about hits. One that a person upheld is an entry of the block list, with author and reason.
CREATE TABLE hashcheck_complaints (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,   -- hashcheck_hits.reference, which may be gone by now
    key_sha256 BLOB NOT NULL,
    opened_ms  INTEGER NOT NULL,
    decided_ms INTEGER,                -- last; NULL: it waits for a person
    upheld     INTEGER NOT NULL,       -- 1: its contents are blocked
    state      BLOB NOT NULL           -- ComplaintState
) STRICT, WITHOUT ROWID;

CREATE TABLE hashcheck_blocked (
    key       BLOB NOT NULL,           -- keyed fingerprint of a hash of a content
    complaint TEXT NOT NULL,           -- by which it is blocked
    PRIMARY KEY (key, complaint)
) STRICT, WITHOUT ROWID;
