-- Who hosts where, and whom to tell: as registers and this hotline's own file say it. (node/store/hosters.py)

CREATE TABLE hosters (
    key        TEXT PRIMARY KEY,       -- handle of the register, or own:ID of the operator's file
    changed_ms INTEGER NOT NULL,
    body       BLOB NOT NULL           -- Hoster: name, contacts, what people decided on them
) STRICT, WITHOUT ROWID;

-- What a register said of a range, or that it said nothing; asked again when it is over.
CREATE TABLE hoster_ranges (
    prefix     TEXT NOT NULL,          -- as 192.0.2.0/24
    known      INTEGER NOT NULL,       -- 1: it has a hoster; 0: the last answer since had none. Both may stand
    outcome    TEXT NOT NULL,          -- found | not_found | failed | put_off
    hoster     TEXT,                   -- hosters.key; NULL: see known
    asked_ms   INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    handle     TEXT,                   -- of the network
    parent     TEXT,                   -- handle of the network around it
    PRIMARY KEY (prefix, known)
) STRICT, WITHOUT ROWID;

-- Registers that want to be left alone.
CREATE TABLE paused_servers (
    server   TEXT PRIMARY KEY,         -- https://host:port
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
