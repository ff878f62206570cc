-- Questions to proxies where hosts stand, as in the embedded store (../007_origins.sql).

CREATE TABLE origin_questions (
    key        bytea PRIMARY KEY,                            -- keyed fingerprint of the host
    asked_ms   bigint NOT NULL,                              -- since when it waits, or waited
    expires_ms bigint,                                       -- until when its answer holds; NULL: there is none
    body       sealed NOT NULL                               -- Question: host, proxy, answer
);
