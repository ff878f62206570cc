-- Which kept answers of the local API show an item: they go with it. (node/store/access.py)
CREATE TABLE answers_about (
    token_sha256 bytea NOT NULL,
    key          text COLLATE "C" NOT NULL,
    item         text COLLATE "C" NOT NULL,
    PRIMARY KEY (token_sha256, key)
);
CREATE INDEX answers_about_item ON answers_about (item);
