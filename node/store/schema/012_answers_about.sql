-- Which kept answers of the local API show an item: they go with it. (node/store/access.py)
CREATE TABLE answers_about (
    token_sha256 BLOB NOT NULL,
    key          TEXT NOT NULL,
    item         TEXT NOT NULL,
    PRIMARY KEY (token_sha256, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_about_item ON answers_about (item);
