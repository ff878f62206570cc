-- Which registry each member, ourselves included, says it works with: one version with two contents is a split view. (node/store/views.py)
CREATE TABLE registry_said (
    member            TEXT NOT NULL,
    timestamp_version INTEGER NOT NULL,
    root_version      INTEGER NOT NULL,
    snapshot_sha256   BLOB NOT NULL,
    PRIMARY KEY (member, timestamp_version)
) STRICT, WITHOUT ROWID;
CREATE INDEX registry_said_by_version ON registry_said (timestamp_version);
-- A database of before the release may lack what the rows come from.
CREATE TABLE IF NOT EXISTS registry_views (timestamp_version INTEGER, root_version INTEGER, snapshot_sha256 BLOB, member TEXT);
INSERT INTO registry_said SELECT member, timestamp_version, root_version, snapshot_sha256 FROM registry_views;
DROP TABLE registry_views;
