-- Questions to proxies where hosts stand that hide behind them. (node/store/origins.py)
CREATE TABLE origin_questions (
    key        BLOB PRIMARY KEY,       -- keyed fingerprint of the host
    asked_ms   INTEGER NOT NULL,       -- since when it waits, or waited
    expires_ms INTEGER,                -- until when its answer holds; NULL: there is none
    body       BLOB NOT NULL           -- Question: host, proxy, answer
) STRICT, WITHOUT ROWID;
