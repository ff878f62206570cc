-- Lists of known content, as in the embedded store (../004_lists.sql).

CREATE TABLE lists (
    id         bigint PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,   -- as the operator calls it
    provenance text COLLATE "C" NOT NULL,          -- police | hotline | industry | own
    license    text COLLATE "C",                   -- under which it was given
    may_use    bigint NOT NULL,                    -- 1: matched with here
    may_share  bigint NOT NULL,                    -- 1: others may be answered from it
    weak       bigint NOT NULL,                    -- 1: one MD5 or SHA-1 alone is taken for the file
    version    bigint NOT NULL,                    -- the newest that came; 0: none
    changed_ms bigint NOT NULL                     -- when something of it last changed here
);

CREATE TABLE list_categories (
    id       bigint PRIMARY KEY,
    list     bigint NOT NULL,
    category text COLLATE "C" NOT NULL,
    trust    text COLLATE "C",                     -- auto | suggestion | none; NULL: as '*' says
    entries  bigint NOT NULL,                      -- how many stand
    UNIQUE (list, category)
);

CREATE TABLE list_entries (
    number   bigint PRIMARY KEY,                   -- never given twice
    category bigint NOT NULL,                      -- list_categories.id
    version  bigint NOT NULL,                      -- the newest version of the list that said so
    state    sealed NOT NULL                       -- Entry (node/matching/lists.py)
);

CREATE TABLE list_keys (
    key      bytea NOT NULL,
    entry    bigint NOT NULL,
    category bigint NOT NULL,                      -- of the entry
    PRIMARY KEY (key, entry)
);

CREATE TABLE list_names (
    key   bytea PRIMARY KEY,
    entry bigint NOT NULL
);

CREATE TABLE list_tombstones (
    list         bigint NOT NULL,
    key          bytea NOT NULL,                   -- as in list_keys and list_names
    version      bigint NOT NULL,
    retracted_ms bigint NOT NULL,
    said         sealed,                           -- the author's id of what was taken back, where this key is of that
    PRIMARY KEY (list, key)
);

CREATE TABLE list_ended (
    number bigint PRIMARY KEY,                     -- 1, 2, 3 ...
    entry  bigint NOT NULL,                        -- list_entries.number
    keys   bytea                                   -- 16 bytes each; NULL: nothing is left to undo
);
CREATE INDEX list_ended_by_entry ON list_ended (entry);
CREATE INDEX list_ended_to_undo ON list_ended (number) WHERE keys IS NOT NULL;

CREATE TABLE list_imports (
    list    bigint NOT NULL,
    file    bytea NOT NULL,                        -- SHA-256
    version bigint NOT NULL,
    entries bigint NOT NULL,                       -- of the file, so far
    done_ms bigint,                                -- NULL: not to its end
    PRIMARY KEY (list, file, version)
);
