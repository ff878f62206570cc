-- Whose hoster is looked for, as in the embedded store (../008_sought.sql).

CREATE TABLE contacts_sought (
    block    text COLLATE "C" PRIMARY KEY,                   -- as 192.0.2.0/24
    address  text COLLATE "C" NOT NULL,                      -- one in it, which is asked about
    urgency  bigint NOT NULL,                                -- 0 child_at_risk, 1 normal
    since_ms bigint NOT NULL,                                -- since when an item stands there
    next_ms  bigint NOT NULL,                                -- when it is asked (again)
    attempts bigint NOT NULL,                                -- how often that was in vain
    outcome  text COLLATE "C"                                -- what came of it last; NULL: not asked yet
);
CREATE INDEX contacts_sought_due ON contacts_sought (urgency, next_ms);
