-- Lists of known content that others gave: hashes, categories and dates, nothing else. (node/store/lists.py, node/store/known.py)

CREATE TABLE lists (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,   -- as the operator calls it
    provenance TEXT NOT NULL,          -- police | hotline | industry | own
    license    TEXT,                   -- under which it was given
    may_use    INTEGER NOT NULL,       -- 1: matched with here
    may_share  INTEGER NOT NULL,       -- 1: others may be answered from it
    weak       INTEGER NOT NULL,       -- 1: one MD5 or SHA-1 alone is taken for the file
    version    INTEGER NOT NULL,       -- the newest that came; 0: none
    changed_ms INTEGER NOT NULL        -- when something of it last changed here
) STRICT;

-- The categories of a list, in its own words, and how far each is followed. '*': those of which nothing was said.
CREATE TABLE list_categories (
    id       INTEGER PRIMARY KEY,
    list     INTEGER NOT NULL,
    category TEXT NOT NULL,
    trust    TEXT,                     -- auto | suggestion | none; NULL: as '*' says
    entries  INTEGER NOT NULL,         -- how many stand
    UNIQUE (list, category)
) STRICT;

CREATE TABLE list_entries (
    number   INTEGER PRIMARY KEY,      -- 1, 2, 3 ... as they came, never given twice; what changes gets a new one
    category INTEGER NOT NULL,         -- list_categories.id
    version  INTEGER NOT NULL,         -- the newest version of the list that said so
    state    BLOB NOT NULL             -- Entry (node/matching/lists.py)
) STRICT;

-- By what an entry is found: the keyed fingerprint of each of its hashes, the same as of an item's.
CREATE TABLE list_keys (
    key      BLOB NOT NULL,
    entry    INTEGER NOT NULL,
    category INTEGER NOT NULL,         -- of the entry
    PRIMARY KEY (key, entry)
) STRICT, WITHOUT ROWID;

-- By what its list knows an entry: a keyed fingerprint of its author's id, or of its strongest hash.
CREATE TABLE list_names (
    key   BLOB PRIMARY KEY,
    entry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was taken back, and with which version: whatever has one of these keys comes in with a newer one only.
CREATE TABLE list_tombstones (
    list         INTEGER NOT NULL,
    key          BLOB NOT NULL,        -- as in list_keys and list_names
    version      INTEGER NOT NULL,
    retracted_ms INTEGER NOT NULL,
    said         BLOB,                 -- the author's id of what was taken back, where this key is of that; told on in exports
    PRIMARY KEY (list, key)
) STRICT, WITHOUT ROWID;

-- Entries that stand no more, as they went, and what they were found by until what followed from them is undone.
CREATE TABLE list_ended (
    number INTEGER PRIMARY KEY,        -- 1, 2, 3 ...
    entry  INTEGER NOT NULL,           -- list_entries.number
    keys   BLOB                        -- 16 bytes each; NULL: nothing is left to undo
) STRICT;
CREATE INDEX list_ended_by_entry ON list_ended (entry);
CREATE INDEX list_ended_to_undo ON list_ended (number) WHERE keys IS NOT NULL;

-- How far a file has been read into a list, so that an import that was killed goes on.
CREATE TABLE list_imports (
    list    INTEGER NOT NULL,
    file    BLOB NOT NULL,             -- SHA-256
    version INTEGER NOT NULL,
    entries INTEGER NOT NULL,          -- of the file, so far
    done_ms INTEGER,                   -- NULL: not to its end
    PRIMARY KEY (list, file, version)
) STRICT, WITHOUT ROWID;
