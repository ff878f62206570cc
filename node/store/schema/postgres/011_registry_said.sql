-- Which registry each member, ourselves included, says it works with: one version with two contents is a split view. (node/store/views.py)
CREATE TABLE registry_said (
    member            text COLLATE "C" NOT NULL,
    timestamp_version bigint NOT NULL,
    root_version      bigint NOT NULL,
    snapshot_sha256   bytea NOT NULL,
    PRIMARY KEY (member, timestamp_version)
);
CREATE INDEX registry_said_by_version ON registry_said (timestamp_version);
-- A database of before the release may lack what the rows come from.
CREATE TABLE IF NOT EXISTS registry_views (timestamp_version bigint, root_version bigint, snapshot_sha256 bytea, member text);
INSERT INTO registry_said SELECT member, timestamp_version, root_version, snapshot_sha256 FROM registry_views;
DROP TABLE registry_views;
