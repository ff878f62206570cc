-- Who hosts where, and whom to tell, as in the embedded store (../005_hosters.sql).

CREATE TABLE hosters (
    key        text COLLATE "C" PRIMARY KEY,                 -- handle of the register, or own:ID of the operator's file
    changed_ms bigint NOT NULL,
    body       sealed NOT NULL                               -- Hoster: name, contacts, what people decided on them
);

CREATE TABLE hoster_ranges (
    prefix     text COLLATE "C" NOT NULL,                    -- as 192.0.2.0/24
    known      bigint NOT NULL,                              -- 1: it has a hoster; 0: the last answer since had none
    outcome    text COLLATE "C" NOT NULL,                    -- found | not_found | failed | put_off
    hoster     text COLLATE "C",                             -- hosters.key; NULL: see known
    asked_ms   bigint NOT NULL,
    expires_ms bigint NOT NULL,
    handle     text COLLATE "C",                             -- of the network
    parent     text COLLATE "C",                             -- handle of the network around it
    PRIMARY KEY (prefix, known)
);

CREATE TABLE paused_servers (
    server   text COLLATE "C" PRIMARY KEY,                   -- https://host:port
    until_ms bigint NOT NULL
);
