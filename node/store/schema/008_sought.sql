-- Whose hoster is looked for because items of ours stand there. (node/store/sought.py)
CREATE TABLE contacts_sought (
    block    TEXT PRIMARY KEY,         -- as 192.0.2.0/24: the smallest range that is announced on its own
    address  TEXT NOT NULL,            -- one in it, which is asked about
    urgency  INTEGER NOT NULL,         -- 0 child_at_risk, 1 normal
    since_ms INTEGER NOT NULL,         -- since when an item stands there
    next_ms  INTEGER NOT NULL,         -- when it is asked (again)
    attempts INTEGER NOT NULL,         -- how often that was in vain
    outcome  TEXT                      -- what came of it last; NULL: not asked yet
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_sought_due ON contacts_sought (urgency, next_ms);
