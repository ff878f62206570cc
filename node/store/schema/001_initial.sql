-- The embedded store of one node. One database: reports, items, their history, both ends of every channel, local access.
-- The file is encrypted (SQLCipher, random raw key). Times are integer milliseconds UTC. Blobs named *state are canonical
-- MessagePack of the structure that the module named beside them defines.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,            -- member, network, created_ms, recovering, recovery_keys, restored_ms, restores, epochs <peer>/<lane> (that a restored backup held)
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What sources handed in here. Never leaves the node as a whole. (node/casework/item.py: ReportFacts)
CREATE TABLE reports (
    id        TEXT PRIMARY KEY,        -- <member>.<ULID>
    source    TEXT NOT NULL,           -- vocabulary.Source
    reference TEXT,                    -- the source's own number; lines that share it are one report
    state     BLOB NOT NULL            -- ReportFacts: matter, times, workuser and note (never sent)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reports_by_reference ON reports (source, reference) WHERE reference IS NOT NULL;

-- The present state of each item: a fold over its events, kept so that nobody has to fold on reading.
CREATE TABLE items (
    id          TEXT PRIMARY KEY,      -- minted once by the first recorder, the same at every member
    report_id   TEXT NOT NULL,         -- the report it came in first
    custody     TEXT NOT NULL,         -- locating | here | handed_on | ended
    responsible TEXT,                  -- member that must act; NULL only while locating
    country     TEXT,                  -- ISO 3166-1 alpha-2, or NULL
    urgency     INTEGER NOT NULL,      -- 0 child_at_risk, 1 normal
    due_ms      INTEGER,               -- when to locate it (again); NULL: nothing to locate
    review      TEXT,                  -- why it stands in front of a person; NULL: it does not
    changed_seq INTEGER NOT NULL,      -- the last event that changed it
    state       BLOB NOT NULL          -- ItemState
) STRICT;  -- with row ids: rows this long would fill the inner pages of a tree without
CREATE INDEX items_to_locate ON items (urgency, due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX items_in_review ON items (changed_seq) WHERE review IS NOT NULL;
CREATE INDEX items_by_report ON items (report_id);

-- By what an item is recognised: keyed fingerprints, so that an erased item still tells "it was there".
CREATE TABLE item_keys (
    key  BLOB NOT NULL,                -- 16 bytes: keyed BLAKE2b of location, content identity, alias
    item TEXT NOT NULL,
    PRIMARY KEY (key, item)
) STRICT, WITHOUT ROWID;

-- Which handed-in line became which item: the same line again changes nothing.
CREATE TABLE intake_lines (
    line BLOB PRIMARY KEY,             -- source, reference, fingerprint of the location; or file, line
    item TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The history: append-only, gap-free, hash-chained. Also the change feed: its cursor is seq.
CREATE TABLE events (
    seq       INTEGER PRIMARY KEY,     -- 1, 2, 3 ... in commit order
    item      TEXT NOT NULL,
    kind      INTEGER NOT NULL,        -- node/casework/events.py
    at_ms     INTEGER NOT NULL,        -- when it happened
    learnt_ms INTEGER NOT NULL,        -- when this node learnt it
    actor     TEXT NOT NULL,           -- member, or <own member>/<pseudonym>
    body      BLOB,                    -- canonical MessagePack; NULL once erased
    leaf      BLOB NOT NULL,           -- SHA-256(0x00 || event)
    chain     BLOB NOT NULL            -- SHA-256(0x01 || previous chain || leaf)
) STRICT;
CREATE INDEX events_by_item ON events (item, seq);

-- Signed heads of the history: from here on nobody without the log key can rewrite what came before.
CREATE TABLE history_heads (
    size     INTEGER NOT NULL,         -- events covered
    messages INTEGER NOT NULL,         -- messages for other members covered
    digest   BLOB NOT NULL,            -- chain over those messages (node/store/history.py)
    note     BLOB NOT NULL,            -- signed note over all of these and the chain of the events
    PRIMARY KEY (size, messages)
) STRICT, WITHOUT ROWID;

-- Messages for other members: final bytes. Each waits for a place in a log, or stands in one.
CREATE TABLE messages_out (
    seq        INTEGER PRIMARY KEY,
    peer       TEXT NOT NULL,
    lane       TEXT NOT NULL,          -- reports | status | bulk
    urgency    INTEGER NOT NULL,
    entry_id   BLOB NOT NULL,          -- 32 bytes; the same thing always has the same id
    kind       INTEGER NOT NULL,
    item       TEXT,                   -- the item it is about (for views)
    entry      BLOB,                   -- canonical entry; NULL once erased
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_item ON messages_out (item) WHERE item IS NOT NULL;

-- What is to be appended when the next push of a channel is cut, the urgent first. Rows of their
-- own, so that taking a place does not rewrite the message.
CREATE TABLE waiting_out (
    peer    TEXT NOT NULL,
    lane    TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    message INTEGER NOT NULL,          -- messages_out.seq
    PRIMARY KEY (peer, lane, urgency, message)
) STRICT, WITHOUT ROWID;

-- The sending end of a channel. `fence` is the tenure that may write it: a displaced process fails here.
CREATE TABLE channels_out (
    peer            TEXT NOT NULL,
    lane            TEXT NOT NULL,
    fence           INTEGER NOT NULL,  -- grows with each tenure
    epoch           BLOB,              -- 8 bytes; NULL: not opened in this tenure
    size            INTEGER NOT NULL,  -- entries in the present epoch
    range           BLOB NOT NULL,     -- compact range: the tree's right edge
    receipted       INTEGER NOT NULL,  -- entries of this epoch below the last verified receipt
    attempts        INTEGER NOT NULL,  -- failures since the last success
    next_attempt_ms INTEGER NOT NULL,
    problem         TEXT,              -- code of the last failure
    stopped         TEXT,              -- code: a person must decide; NULL: runs
    PRIMARY KEY (peer, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE epochs_out (
    peer       TEXT NOT NULL,
    lane       TEXT NOT NULL,
    epoch      BLOB NOT NULL,
    prev_epoch BLOB,                   -- the predecessor's state that entry 0 names
    prev_size  INTEGER NOT NULL,
    prev_root  BLOB NOT NULL,
    opened_ms  INTEGER NOT NULL,
    PRIMARY KEY (peer, lane, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_out (
    peer    TEXT NOT NULL,
    lane    TEXT NOT NULL,
    epoch   BLOB NOT NULL,
    idx     INTEGER NOT NULL,
    leaf    BLOB NOT NULL,             -- SHA-256(0x00 || entry)
    message INTEGER,                   -- messages_out.seq; NULL: entry kept here
    entry   BLOB,                      -- for entries that belong to the epoch itself (opening, registry_seen)
    PRIMARY KEY (peer, lane, epoch, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_out_by_message ON log_out (message) WHERE message IS NOT NULL;

CREATE TABLE checkpoints_out (
    peer      TEXT NOT NULL,
    lane      TEXT NOT NULL,
    epoch     BLOB NOT NULL,
    start     INTEGER NOT NULL,        -- entries [start, size) travel with it
    size      INTEGER NOT NULL,
    note      BLOB NOT NULL,           -- our signed checkpoint
    signed_ms INTEGER NOT NULL,
    receipt   BLOB,                    -- the receiver's cosignature, as it came
    PRIMARY KEY (peer, lane, epoch, size)
) STRICT, WITHOUT ROWID;

-- The receiving end of a channel.
CREATE TABLE channels_in (
    peer    TEXT NOT NULL,
    lane    TEXT NOT NULL,
    epoch   BLOB NOT NULL,             -- the one open epoch; all earlier ones are closed for ever
    size    INTEGER NOT NULL,
    range   BLOB NOT NULL,
    stopped TEXT,
    PRIMARY KEY (peer, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE epochs_in (
    peer       TEXT NOT NULL,
    lane       TEXT NOT NULL,
    epoch      BLOB NOT NULL,
    prev_epoch BLOB,
    prev_size  INTEGER NOT NULL,
    prev_root  BLOB NOT NULL,
    opened_ms  INTEGER NOT NULL,
    PRIMARY KEY (peer, lane, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE entries_in (
    seq       INTEGER PRIMARY KEY,
    peer      TEXT NOT NULL,
    lane      TEXT NOT NULL,
    epoch     BLOB NOT NULL,
    idx       INTEGER NOT NULL,
    leaf      BLOB NOT NULL,
    entry     BLOB,                    -- as it arrived; NULL once erased
    judged    INTEGER NOT NULL,        -- 0 waiting, 1 judged, 2 parked until its item is known, 3 quarantined
    waits_for TEXT,                    -- parked: the item id
    taken_ms  INTEGER NOT NULL,
    answer    TEXT,                    -- disposition code, once judged
    item      TEXT                     -- the item it turned out to be about (for views, evidence)
) STRICT;
CREATE UNIQUE INDEX entries_in_by_place ON entries_in (peer, lane, epoch, idx);
CREATE INDEX entries_in_waiting ON entries_in (seq) WHERE judged = 0;
CREATE INDEX entries_in_parked ON entries_in (waits_for) WHERE judged = 2;
CREATE INDEX entries_in_quarantined ON entries_in (peer) WHERE judged = 3;
CREATE INDEX entries_in_unknown ON entries_in (seq) WHERE answer IN ('unknown_kind', 'unknown_version');
CREATE INDEX entries_in_by_item ON entries_in (item) WHERE item IS NOT NULL;
CREATE INDEX entries_in_again ON entries_in (peer) WHERE answer IN ('repeat', 'conflict');

-- Every entry id ever taken, for ever: the second arrival has no effect, another content under the id is a conflict.
CREATE TABLE entry_ids_in (
    peer     TEXT NOT NULL,
    entry_id BLOB NOT NULL,
    digest   BLOB NOT NULL,            -- SHA-256 of kind and body, 16 bytes; once erased, of the leaf
    PRIMARY KEY (peer, entry_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts_in (
    peer       TEXT NOT NULL,
    lane       TEXT NOT NULL,
    epoch      BLOB NOT NULL,
    start      INTEGER NOT NULL,       -- entries [start, size) came with it
    size       INTEGER NOT NULL,
    checkpoint BLOB NOT NULL,          -- the sender's signed note, as it came
    receipt    BLOB NOT NULL,          -- our cosignature: the same bytes for ever
    PRIMARY KEY (peer, lane, epoch, size)
) STRICT, WITHOUT ROWID;

-- What stands in front of a person: conflicts, forks, unknown history, undeliverable entries.
CREATE TABLE tasks (
    id        INTEGER PRIMARY KEY,
    code      TEXT NOT NULL,
    subject   TEXT NOT NULL,           -- item id, peer or channel: ids only
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    UNIQUE (code, subject, opened_ms)
) STRICT;
CREATE INDEX tasks_open ON tasks (opened_ms) WHERE closed_ms IS NULL;

-- Local access.
CREATE TABLE tokens (
    token_sha256 BLOB PRIMARY KEY,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,        -- space-separated
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER,
    revoked_ms   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    token_sha256 BLOB NOT NULL,
    key          TEXT NOT NULL,
    body_sha256  BLOB NOT NULL,
    status       INTEGER,              -- NULL: reserved, the answer is not known yet
    content_type TEXT,
    response     BLOB,
    created_ms   INTEGER NOT NULL,
    PRIMARY KEY (token_sha256, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_ms);

-- The registry documents last verified, so that the node works on when the registry is stale or away.
CREATE TABLE registry_files (
    name    TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Proof that a member split its history: two notes that one log key signed, good before strangers. Kept for ever.
CREATE TABLE forks (
    number       INTEGER PRIMARY KEY,  -- 1, 2, 3 ... as they were found
    peer         TEXT NOT NULL,        -- the member that forked
    smaller_note BLOB NOT NULL,        -- signed checkpoint, as it came
    larger_note  BLOB NOT NULL,        -- another of the same origin
    nodes        BLOB NOT NULL,        -- hashes of 32 bytes one after the other; empty for equal sizes (protocol/fork.py)
    found_ms     INTEGER NOT NULL,
    UNIQUE (smaller_note, larger_note)
) STRICT;

-- Which registry each member says it works with, by the first who said so: one version with two contents is a split view.
CREATE TABLE registry_views (
    timestamp_version INTEGER PRIMARY KEY,
    root_version      INTEGER NOT NULL,
    snapshot_sha256   BLOB NOT NULL,
    member            TEXT NOT NULL    -- who said it first, ourselves included
) STRICT;
-- What stands for an entry whose body was erased; the history names the same leaves.
CREATE TABLE tombstones (
    sent      INTEGER NOT NULL,        -- 1: a message of ours, 0: an entry of the peer's
    peer      TEXT NOT NULL,
    entry_id  BLOB NOT NULL,
    leaf      BLOB NOT NULL,           -- of the entry as it was
    item      TEXT NOT NULL,           -- the erased item
    erased_ms INTEGER NOT NULL,
    PRIMARY KEY (sent, peer, entry_id, leaf)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_leaf ON tombstones (peer, leaf) WHERE sent = 0;

-- Our ledger: a log of the heads of all our channels, in both directions. An epoch is one tenure of this process.
CREATE TABLE ledger_leaves (
    epoch  BLOB NOT NULL,
    idx    INTEGER NOT NULL,
    origin TEXT NOT NULL,              -- of the log, as its checkpoints spell it; in an epoch's first leaf, our ledger's epoch before
    size   INTEGER NOT NULL,
    root   BLOB NOT NULL,
    PRIMARY KEY (epoch, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_leaves_by_log ON ledger_leaves (origin, size);

CREATE TABLE ledger_heads (
    number    INTEGER PRIMARY KEY,     -- 1, 2, 3 ... as they were signed
    epoch     BLOB NOT NULL,
    size      INTEGER NOT NULL,
    note      BLOB NOT NULL,           -- our signed head
    signed_ms INTEGER NOT NULL,
    UNIQUE (epoch, size)
) STRICT;

-- Cosignatures of witnesses on our ledger's heads.
CREATE TABLE ledger_cosignatures (
    head    INTEGER NOT NULL,          -- ledger_heads.number
    witness TEXT NOT NULL,             -- the member that cosigned
    lines   BLOB NOT NULL,             -- its signature lines, to be put under the head
    time_s  INTEGER NOT NULL,          -- when, by its clock, as the lines say
    PRIMARY KEY (head, witness)
) STRICT, WITHOUT ROWID;

-- Whom we ask for cosignatures, and how the last request went.
CREATE TABLE witness_asks (
    witness  TEXT PRIMARY KEY,
    asked_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL,         -- in a row
    next_ms  INTEGER NOT NULL,         -- not to be asked before
    problem  TEXT                      -- code of the last failure; NULL: it cosigned
) STRICT, WITHOUT ROWID;

-- What we cosigned as a witness, by epoch of another member's ledger. Never forgotten: nothing smaller is cosigned again.
CREATE TABLE witnessed (
    number INTEGER PRIMARY KEY,        -- 1, 2, 3 ... as the epochs were first seen: only a member's last one grows
    member TEXT NOT NULL,              -- whose ledger it is
    epoch  BLOB NOT NULL,
    size   INTEGER NOT NULL,
    root   BLOB NOT NULL,
    note   BLOB,                       -- the head as its owner signed it, with our cosignature; NULL in epochs that are over
    time_s INTEGER NOT NULL,           -- of our cosignature
    UNIQUE (member, epoch)
) STRICT;

-- Members that lost their node and ask us for what they said to us; a person allows it. (node/store/handing_back.py)
CREATE TABLE handed_back (
    peer        TEXT NOT NULL,
    sealing_key TEXT NOT NULL,         -- id of the fresh key that its document names: one recovery
    asked_ms    INTEGER NOT NULL,
    decided_ms  INTEGER,               -- NULL: waits for a person
    allowed     INTEGER NOT NULL,      -- 1: for some days after the decision
    entries     INTEGER NOT NULL,      -- handed back so far
    pages       INTEGER NOT NULL,
    PRIMARY KEY (peer, sealing_key)
) STRICT, WITHOUT ROWID;

-- Our own recovery: how far each channel of ours has come back from its receiver. (node/store/recovered.py)
CREATE TABLE recoveries (
    peer     TEXT NOT NULL,
    lane     TEXT NOT NULL,
    standing TEXT NOT NULL,            -- asked, going, end, or why not: waiting, refused, a code
    epoch    BLOB,                     -- the last page that came ends in this epoch
    size     INTEGER NOT NULL,         -- entries of it
    range    BLOB NOT NULL,            -- the edge of its tree
    entries  INTEGER NOT NULL,         -- that came back, of all epochs
    erased   INTEGER NOT NULL,         -- of which the peer had only the leaf
    attempts INTEGER NOT NULL,
    next_ms  INTEGER NOT NULL,         -- when to ask again
    PRIMARY KEY (peer, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovered_pages (
    peer       TEXT NOT NULL,
    lane       TEXT NOT NULL,
    epoch      BLOB NOT NULL,
    start      INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    note       BLOB NOT NULL,          -- our own signed checkpoint
    receipt    BLOB,                   -- the peer's; NULL: none that verifies today
    prev_epoch BLOB,                   -- what the epoch's opening names
    prev_size  INTEGER NOT NULL,
    prev_root  BLOB NOT NULL,
    PRIMARY KEY (peer, lane, epoch, size)
) STRICT, WITHOUT ROWID;

-- What we had said, entry by entry, until it stands in our logs again; then what is needed in order not to say it twice.
CREATE TABLE recovered_entries (
    number    INTEGER PRIMARY KEY,
    peer      TEXT NOT NULL,
    lane      TEXT NOT NULL,
    epoch     BLOB NOT NULL,
    idx       INTEGER NOT NULL,
    leaf      BLOB NOT NULL,
    entry     BLOB,                    -- NULL: erased at the peer, or in messages_out by now
    entry_id  BLOB NOT NULL,
    kind      INTEGER,                 -- NULL: erased at the peer, nobody knows
    step      INTEGER,                 -- in which step of the rebuilding it has its effect; NULL: none
    at_ms     INTEGER NOT NULL,        -- the order within the step; of what was erased, when
    said      BLOB,                    -- what it says, as a key: the same is not said to the peer again
    answer    TEXT,                    -- of a disposition, which one
    message   INTEGER,                 -- messages_out.seq, once it stands there
    UNIQUE (peer, lane, epoch, idx)
) STRICT;
CREATE INDEX recovered_entries_by_step ON recovered_entries (step, at_ms, number) WHERE message IS NULL;
CREATE INDEX recovered_entries_said ON recovered_entries (said) WHERE said IS NOT NULL;
CREATE INDEX recovered_entries_by_message ON recovered_entries (message) WHERE message IS NOT NULL;
CREATE INDEX recovered_entries_by_id ON recovered_entries (peer, lane, entry_id);

-- How our channels were compared with the ledger of each member.
CREATE TABLE ledger_checks (
    peer     TEXT PRIMARY KEY,
    good_ms  INTEGER,                  -- when they last agreed; NULL: never yet
    failures INTEGER NOT NULL,         -- in a row, to be shown anything
    next_ms  INTEGER NOT NULL,         -- not to be compared before
    problem  TEXT                      -- code of what was wrong; NULL: they agreed
) STRICT, WITHOUT ROWID;

-- What a member signed in its ledger that contradicts what it signed in a channel.
CREATE TABLE ledger_differences (
    number   INTEGER PRIMARY KEY,      -- 1, 2, 3 ... as they were found
    peer     TEXT NOT NULL,            -- whose ledger it is
    showing  BLOB NOT NULL,            -- as it came (protocol/showing.py); the counterpart stands in our logs
    found_ms INTEGER NOT NULL,
    UNIQUE (peer, showing)
) STRICT;

-- Of a node that was rebuilt: what it had answered of crowds, entry by entry (recovered_entries: what it said alone).
CREATE TABLE recovered_answers (
    peer   TEXT NOT NULL,
    said   BLOB NOT NULL,              -- the key of the answer, as in recovered_entries
    answer TEXT NOT NULL,              -- the disposition
    PRIMARY KEY (peer, said)
) STRICT, WITHOUT ROWID;

-- What members disavow: entries [first, size) of an epoch of theirs that somebody else signed. (node/store/disavowing.py)
CREATE TABLE disavowed_in (
    entry INTEGER PRIMARY KEY,         -- entries_in.seq of the entry that says so
    peer  TEXT NOT NULL,
    lane  TEXT NOT NULL,
    epoch BLOB NOT NULL,               -- an earlier one of the same channel
    first INTEGER NOT NULL,
    size  INTEGER NOT NULL
) STRICT;
CREATE INDEX disavowed_in_by_log ON disavowed_in (peer, lane, epoch);

CREATE VIEW in_disavowed_ranges AS     -- entries in custody that stand in such a range
SELECT e.* FROM disavowed_in d JOIN entries_in e
    ON e.peer = d.peer AND e.lane = d.lane AND e.epoch = d.epoch AND e.idx >= d.first AND e.idx < d.size;

CREATE VIEW disavowed_entries AS       -- of those, the ones that their sender has not said again itself
SELECT e.* FROM in_disavowed_ranges e WHERE NOT EXISTS (
    SELECT 1 FROM entries_in a
    WHERE a.peer = e.peer AND a.leaf = e.leaf AND a.seq > e.seq AND a.answer IN ('repeat', 'conflict')
    AND NOT EXISTS (
        SELECT 1 FROM disavowed_in d
        WHERE d.peer = a.peer AND d.lane = a.lane AND d.epoch = a.epoch AND a.idx >= d.first AND a.idx < d.size));
-- What belongs to a channel itself, among the items: epochs opened, and tombstones of items that never came. (node/store/ending.py)
CREATE INDEX entries_in_of_channel ON entries_in (peer) WHERE lane = 'reports' AND judged = 1 AND answer IS NULL;
