-- The store of one node in PostgreSQL (14 or later, no extension): the same tables, columns and keys as the embedded
-- store has (../001_initial.sql says what each is for, too); tests/node/store/test_postgres_schema.py compares the two.
-- Text is compared by bytes, as there. Times are integer milliseconds UTC. Blobs named *state are canonical MessagePack.

-- What only the node may read: AES-256-GCM-SIV under a key of the node, which the server never sees
-- (node/store/postgres/sealing.py). The check refuses whatever was not sealed.
CREATE DOMAIN sealed AS bytea CHECK (octet_length(VALUE) >= 29 AND get_byte(VALUE, 0) = 83);

-- Who may write, and how many transactions he committed: one row, locked by whoever writes.
-- (node/store/postgres/tenant.py)
CREATE TABLE tenure (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    fence   bigint NOT NULL,           -- grows with each start of a node
    commits bigint NOT NULL,           -- transactions of the node: tells whether one whose answer was lost was kept
    proof   sealed NOT NULL            -- opens with the key of this store, and with no other
) WITH (fillfactor = 10);

-- Which of these files this database has.
CREATE TABLE schema_files (
    number bigint PRIMARY KEY,
    sha256 bytea NOT NULL              -- of the file as it was applied: it grows until it is released
);

CREATE TABLE meta (
    name  text COLLATE "C" PRIMARY KEY,                      -- member, network, created_ms, recovering, recovery_keys, restored_ms, restores, epochs <peer>/<lane> (that a restored backup held)
    value text COLLATE "C" NOT NULL
);

-- What sources handed in here. Never leaves the node as a whole. (node/casework/item.py: ReportFacts)
CREATE TABLE reports (
    id        text COLLATE "C" PRIMARY KEY,                  -- <member>.<ULID>
    source    text COLLATE "C" NOT NULL,                     -- vocabulary.Source
    reference text COLLATE "C",                              -- the source's own number; lines that share it are one report
    state     sealed NOT NULL                                -- ReportFacts: matter, times, workuser and note (never sent)
);
CREATE UNIQUE INDEX reports_by_reference ON reports (source, reference) WHERE reference IS NOT NULL;

-- The present state of each item: a fold over its events, kept so that nobody has to fold on reading.
CREATE TABLE items (
    id          text COLLATE "C" PRIMARY KEY,                -- minted once by the first recorder, the same at every member
    report_id   text COLLATE "C" NOT NULL,                   -- the report it came in first
    custody     text COLLATE "C" NOT NULL,                   -- locating | here | handed_on | ended
    responsible text COLLATE "C",                            -- member that must act; NULL only while locating
    country     text COLLATE "C",                            -- ISO 3166-1 alpha-2, or NULL
    urgency     bigint NOT NULL,                             -- 0 child_at_risk, 1 normal
    due_ms      bigint,                                      -- when to locate it (again); NULL: nothing to locate
    review      text COLLATE "C",                            -- why it stands in front of a person; NULL: it does not
    changed_seq bigint NOT NULL,                             -- the last event that changed it
    state       sealed NOT NULL                              -- ItemState
);
CREATE INDEX items_to_locate ON items (urgency, due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX items_in_review ON items (changed_seq) WHERE review IS NOT NULL;
CREATE INDEX items_by_report ON items (report_id);

-- By what an item is recognised: keyed fingerprints, so that an erased item still tells "it was there".
CREATE TABLE item_keys (
    key  bytea NOT NULL,                                     -- 16 bytes: keyed BLAKE2b of location, content identity, alias
    item text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, item)
);

-- Which handed-in line became which item: the same line again changes nothing.
CREATE TABLE intake_lines (
    line bytea PRIMARY KEY,                                  -- source, reference, fingerprint of the location; or file, line
    item text COLLATE "C" NOT NULL
);

-- The history: append-only, gap-free, hash-chained. Also the change feed: its cursor is seq.
CREATE TABLE events (
    seq       bigint PRIMARY KEY,                            -- 1, 2, 3 ... in commit order
    item      text COLLATE "C" NOT NULL,
    kind      bigint NOT NULL,                               -- node/casework/events.py
    at_ms     bigint NOT NULL,                               -- when it happened
    learnt_ms bigint NOT NULL,                               -- when this node learnt it
    actor     text COLLATE "C" NOT NULL,                     -- member, or <own member>/<pseudonym>
    body      sealed,                                        -- canonical MessagePack; NULL once erased
    leaf      bytea NOT NULL,                                -- SHA-256(0x00 || event)
    chain     bytea NOT NULL                                 -- SHA-256(0x01 || previous chain || leaf)
);
CREATE INDEX events_by_item ON events (item, seq);

-- Signed heads of the history: from here on nobody without the log key can rewrite what came before.
CREATE TABLE history_heads (
    size     bigint NOT NULL,                                -- events covered
    messages bigint NOT NULL,                                -- messages for other members covered
    digest   bytea NOT NULL,                                 -- chain over those messages (node/store/history.py)
    note     bytea NOT NULL,                                 -- signed note over all of these and the chain of the events
    PRIMARY KEY (size, messages)
);

-- Messages for other members: final bytes. Each waits for a place in a log, or stands in one.
CREATE TABLE messages_out (
    seq        bigint PRIMARY KEY,
    peer       text COLLATE "C" NOT NULL,
    lane       text COLLATE "C" NOT NULL,                    -- reports | status | bulk
    urgency    bigint NOT NULL,
    entry_id   bytea NOT NULL,                               -- 32 bytes; the same thing always has the same id
    kind       bigint NOT NULL,
    item       text COLLATE "C",                             -- the item it is about (for views)
    entry      sealed,                                       -- canonical entry; NULL once erased
    created_ms bigint NOT NULL
);
CREATE INDEX messages_by_item ON messages_out (item) WHERE item IS NOT NULL;

-- What is to be appended when the next push of a channel is cut, the urgent first. Rows of their
-- own, so that taking a place does not rewrite the message.
CREATE TABLE waiting_out (
    peer    text COLLATE "C" NOT NULL,
    lane    text COLLATE "C" NOT NULL,
    urgency bigint NOT NULL,
    message bigint NOT NULL,                                 -- messages_out.seq
    PRIMARY KEY (peer, lane, urgency, message)
);

-- The sending end of a channel. `fence` is the tenure that may write it: a displaced process fails here.
CREATE TABLE channels_out (
    peer            text COLLATE "C" NOT NULL,
    lane            text COLLATE "C" NOT NULL,
    fence           bigint NOT NULL,                         -- grows with each tenure
    epoch           bytea,                                   -- 8 bytes; NULL: not opened in this tenure
    size            bigint NOT NULL,                         -- entries in the present epoch
    range           bytea NOT NULL,                          -- compact range: the tree's right edge
    receipted       bigint NOT NULL,                         -- entries of this epoch below the last verified receipt
    attempts        bigint NOT NULL,                         -- failures since the last success
    next_attempt_ms bigint NOT NULL,
    problem         text COLLATE "C",                        -- code of the last failure
    stopped         text COLLATE "C",                        -- code: a person must decide; NULL: runs
    PRIMARY KEY (peer, lane)
);

CREATE TABLE epochs_out (
    peer       text COLLATE "C" NOT NULL,
    lane       text COLLATE "C" NOT NULL,
    epoch      bytea NOT NULL,
    prev_epoch bytea,                                        -- the predecessor's state that entry 0 names
    prev_size  bigint NOT NULL,
    prev_root  bytea NOT NULL,
    opened_ms  bigint NOT NULL,
    PRIMARY KEY (peer, lane, epoch)
);

CREATE TABLE log_out (
    peer    text COLLATE "C" NOT NULL,
    lane    text COLLATE "C" NOT NULL,
    epoch   bytea NOT NULL,
    idx     bigint NOT NULL,
    leaf    bytea NOT NULL,                                  -- SHA-256(0x00 || entry)
    message bigint,                                          -- messages_out.seq; NULL: entry kept here
    entry   sealed,                                          -- for entries that belong to the epoch itself (opening, registry_seen)
    PRIMARY KEY (peer, lane, epoch, idx)
);
CREATE INDEX log_out_by_message ON log_out (message) WHERE message IS NOT NULL;

CREATE TABLE checkpoints_out (
    peer      text COLLATE "C" NOT NULL,
    lane      text COLLATE "C" NOT NULL,
    epoch     bytea NOT NULL,
    start     bigint NOT NULL,                               -- entries [start, size) travel with it
    size      bigint NOT NULL,
    note      bytea NOT NULL,                                -- our signed checkpoint
    signed_ms bigint NOT NULL,
    receipt   bytea,                                         -- the receiver's cosignature, as it came
    PRIMARY KEY (peer, lane, epoch, size)
);

-- The receiving end of a channel.
CREATE TABLE channels_in (
    peer    text COLLATE "C" NOT NULL,
    lane    text COLLATE "C" NOT NULL,
    epoch   bytea NOT NULL,                                  -- the one open epoch; all earlier ones are closed for ever
    size    bigint NOT NULL,
    range   bytea NOT NULL,
    stopped text COLLATE "C",
    PRIMARY KEY (peer, lane)
);

CREATE TABLE epochs_in (
    peer       text COLLATE "C" NOT NULL,
    lane       text COLLATE "C" NOT NULL,
    epoch      bytea NOT NULL,
    prev_epoch bytea,
    prev_size  bigint NOT NULL,
    prev_root  bytea NOT NULL,
    opened_ms  bigint NOT NULL,
    PRIMARY KEY (peer, lane, epoch)
);

CREATE TABLE entries_in (
    seq       bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    peer      text COLLATE "C" NOT NULL,
    lane      text COLLATE "C" NOT NULL,
    epoch     bytea NOT NULL,
    idx       bigint NOT NULL,
    leaf      bytea NOT NULL,
    entry     sealed,                                        -- as it arrived; NULL once erased
    judged    bigint NOT NULL,                               -- 0 waiting, 1 judged, 2 parked until its item is known, 3 quarantined
    waits_for text COLLATE "C",                              -- parked: the item id
    taken_ms  bigint NOT NULL,
    answer    text COLLATE "C",                              -- disposition code, once judged
    item      text COLLATE "C"                               -- the item it turned out to be about (for views, evidence)
);
CREATE UNIQUE INDEX entries_in_by_place ON entries_in (peer, lane, epoch, idx);
CREATE INDEX entries_in_waiting ON entries_in (seq) WHERE judged = 0;
CREATE INDEX entries_in_parked ON entries_in (waits_for) WHERE judged = 2;
CREATE INDEX entries_in_quarantined ON entries_in (peer) WHERE judged = 3;
CREATE INDEX entries_in_unknown ON entries_in (seq) WHERE answer IN ('unknown_kind', 'unknown_version');
CREATE INDEX entries_in_by_item ON entries_in (item) WHERE item IS NOT NULL;
CREATE INDEX entries_in_again ON entries_in (peer) WHERE answer IN ('repeat', 'conflict');

-- Every entry id ever taken, for ever: the second arrival has no effect, another content under the id is a conflict.
CREATE TABLE entry_ids_in (
    peer     text COLLATE "C" NOT NULL,
    entry_id bytea NOT NULL,
    digest   sealed NOT NULL,                                -- SHA-256 of kind and body, 16 bytes; once erased, of the leaf
    PRIMARY KEY (peer, entry_id)
);

CREATE TABLE receipts_in (
    peer       text COLLATE "C" NOT NULL,
    lane       text COLLATE "C" NOT NULL,
    epoch      bytea NOT NULL,
    start      bigint NOT NULL,                              -- entries [start, size) came with it
    size       bigint NOT NULL,
    checkpoint bytea NOT NULL,                               -- the sender's signed note, as it came
    receipt    bytea NOT NULL,                               -- our cosignature: the same bytes for ever
    PRIMARY KEY (peer, lane, epoch, size)
);

-- What stands in front of a person: conflicts, forks, unknown history, undeliverable entries.
CREATE TABLE tasks (
    id        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    code      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,                     -- item id, peer or channel: ids only
    opened_ms bigint NOT NULL,
    closed_ms bigint,
    UNIQUE (code, subject, opened_ms)
);
CREATE INDEX tasks_open ON tasks (opened_ms) WHERE closed_ms IS NULL;

-- Local access.
CREATE TABLE tokens (
    token_sha256 bytea PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    scopes       text COLLATE "C" NOT NULL,                  -- space-separated
    created_ms   bigint NOT NULL,
    expires_ms   bigint,
    revoked_ms   bigint
);

CREATE TABLE idempotency (
    token_sha256 bytea NOT NULL,
    key          text COLLATE "C" NOT NULL,
    body_sha256  bytea NOT NULL,
    status       bigint,                                     -- NULL: reserved, the answer is not known yet
    content_type text COLLATE "C",
    response     sealed,
    created_ms   bigint NOT NULL,
    PRIMARY KEY (token_sha256, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);

-- The registry documents last verified, so that the node works on when the registry is stale or away.
CREATE TABLE registry_files (
    name    text COLLATE "C" PRIMARY KEY,
    content bytea NOT NULL
);

-- Proof that a member split its history: two notes that one log key signed, good before strangers. Kept for ever.
CREATE TABLE forks (
    number       bigint PRIMARY KEY,                         -- 1, 2, 3 ... as they were found
    peer         text COLLATE "C" NOT NULL,                  -- the member that forked
    smaller_note bytea NOT NULL,                             -- signed checkpoint, as it came
    larger_note  bytea NOT NULL,                             -- another of the same origin
    nodes        bytea NOT NULL,                             -- hashes of 32 bytes one after the other; empty for equal sizes (protocol/fork.py)
    found_ms     bigint NOT NULL
);
CREATE UNIQUE INDEX forks_once ON forks (sha256(smaller_note), sha256(larger_note));

-- Which registry each member says it works with, by the first who said so: one version with two contents is a split view.
CREATE TABLE registry_views (
    timestamp_version bigint PRIMARY KEY,
    root_version      bigint NOT NULL,
    snapshot_sha256   bytea NOT NULL,
    member            text COLLATE "C" NOT NULL              -- who said it first, ourselves included
);
-- What stands for an entry whose body was erased; the history names the same leaves.
CREATE TABLE tombstones (
    sent      bigint NOT NULL,                               -- 1: a message of ours, 0: an entry of the peer's
    peer      text COLLATE "C" NOT NULL,
    entry_id  bytea NOT NULL,
    leaf      bytea NOT NULL,                                -- of the entry as it was
    item      text COLLATE "C" NOT NULL,                     -- the erased item
    erased_ms bigint NOT NULL,
    PRIMARY KEY (sent, peer, entry_id, leaf)
);
CREATE INDEX tombstones_by_leaf ON tombstones (peer, leaf) WHERE sent = 0;

-- Our ledger: a log of the heads of all our channels, in both directions. An epoch is one tenure of this process.
CREATE TABLE ledger_leaves (
    epoch  bytea NOT NULL,
    idx    bigint NOT NULL,
    origin text COLLATE "C" NOT NULL,                        -- of the log, as its checkpoints spell it; in an epoch's first leaf, our ledger's epoch before
    size   bigint NOT NULL,
    root   bytea NOT NULL,
    PRIMARY KEY (epoch, idx)
);
CREATE INDEX ledger_leaves_by_log ON ledger_leaves (origin, size);

CREATE TABLE ledger_heads (
    number    bigint PRIMARY KEY,                            -- 1, 2, 3 ... as they were signed
    epoch     bytea NOT NULL,
    size      bigint NOT NULL,
    note      bytea NOT NULL,                                -- our signed head
    signed_ms bigint NOT NULL,
    UNIQUE (epoch, size)
);

-- Cosignatures of witnesses on our ledger's heads.
CREATE TABLE ledger_cosignatures (
    head    bigint NOT NULL,                                 -- ledger_heads.number
    witness text COLLATE "C" NOT NULL,                       -- the member that cosigned
    lines   bytea NOT NULL,                                  -- its signature lines, to be put under the head
    time_s  bigint NOT NULL,                                 -- when, by its clock, as the lines say
    PRIMARY KEY (head, witness)
);

-- Whom we ask for cosignatures, and how the last request went.
CREATE TABLE witness_asks (
    witness  text COLLATE "C" PRIMARY KEY,
    asked_ms bigint NOT NULL,
    failures bigint NOT NULL,                                -- in a row
    next_ms  bigint NOT NULL,                                -- not to be asked before
    problem  text COLLATE "C"                                -- code of the last failure; NULL: it cosigned
);

-- What we cosigned as a witness, by epoch of another member's ledger. Never forgotten: nothing smaller is cosigned again.
CREATE TABLE witnessed (
    number bigint PRIMARY KEY,                               -- 1, 2, 3 ... as the epochs were first seen: only a member's last one grows
    member text COLLATE "C" NOT NULL,                        -- whose ledger it is
    epoch  bytea NOT NULL,
    size   bigint NOT NULL,
    root   bytea NOT NULL,
    note   bytea,                                            -- the head as its owner signed it, with our cosignature; NULL in epochs that are over
    time_s bigint NOT NULL,                                  -- of our cosignature
    UNIQUE (member, epoch)
);

-- Members that lost their node and ask us for what they said to us; a person allows it. (node/store/handing_back.py)
CREATE TABLE handed_back (
    peer        text COLLATE "C" NOT NULL,
    sealing_key text COLLATE "C" NOT NULL,                   -- id of the fresh key that its document names: one recovery
    asked_ms    bigint NOT NULL,
    decided_ms  bigint,                                      -- NULL: waits for a person
    allowed     bigint NOT NULL,                             -- 1: for some days after the decision
    entries     bigint NOT NULL,                             -- handed back so far
    pages       bigint NOT NULL,
    PRIMARY KEY (peer, sealing_key)
);

-- Our own recovery: how far each channel of ours has come back from its receiver. (node/store/recovered.py)
CREATE TABLE recoveries (
    peer     text COLLATE "C" NOT NULL,
    lane     text COLLATE "C" NOT NULL,
    standing text COLLATE "C" NOT NULL,                      -- asked, going, end, or why not: waiting, refused, a code
    epoch    bytea,                                          -- the last page that came ends in this epoch
    size     bigint NOT NULL,                                -- entries of it
    range    bytea NOT NULL,                                 -- the edge of its tree
    entries  bigint NOT NULL,                                -- that came back, of all epochs
    erased   bigint NOT NULL,                                -- of which the peer had only the leaf
    attempts bigint NOT NULL,
    next_ms  bigint NOT NULL,                                -- when to ask again
    PRIMARY KEY (peer, lane)
);

CREATE TABLE recovered_pages (
    peer       text COLLATE "C" NOT NULL,
    lane       text COLLATE "C" NOT NULL,
    epoch      bytea NOT NULL,
    start      bigint NOT NULL,
    size       bigint NOT NULL,
    note       bytea NOT NULL,                               -- our own signed checkpoint
    receipt    bytea,                                        -- the peer's; NULL: none that verifies today
    prev_epoch bytea,                                        -- what the epoch's opening names
    prev_size  bigint NOT NULL,
    prev_root  bytea NOT NULL,
    PRIMARY KEY (peer, lane, epoch, size)
);

-- What we had said, entry by entry, until it stands in our logs again; then what is needed in order not to say it twice.
CREATE TABLE recovered_entries (
    number    bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    peer      text COLLATE "C" NOT NULL,
    lane      text COLLATE "C" NOT NULL,
    epoch     bytea NOT NULL,
    idx       bigint NOT NULL,
    leaf      bytea NOT NULL,
    entry     sealed,                                        -- NULL: erased at the peer, or in messages_out by now
    entry_id  bytea NOT NULL,
    kind      bigint,                                        -- NULL: erased at the peer, nobody knows
    step      bigint,                                        -- in which step of the rebuilding it has its effect; NULL: none
    at_ms     bigint NOT NULL,                               -- the order within the step; of what was erased, when
    said      bytea,                                         -- what it says, as a key: the same is not said to the peer again
    answer    text COLLATE "C",                              -- of a disposition, which one
    message   bigint,                                        -- messages_out.seq, once it stands there
    UNIQUE (peer, lane, epoch, idx)
);
CREATE INDEX recovered_entries_by_step ON recovered_entries (step, at_ms, number) WHERE message IS NULL;
CREATE INDEX recovered_entries_said ON recovered_entries (said) WHERE said IS NOT NULL;
CREATE INDEX recovered_entries_by_message ON recovered_entries (message) WHERE message IS NOT NULL;
CREATE INDEX recovered_entries_by_id ON recovered_entries (peer, lane, entry_id);

-- How our channels were compared with the ledger of each member.
CREATE TABLE ledger_checks (
    peer     text COLLATE "C" PRIMARY KEY,
    good_ms  bigint,                                         -- when they last agreed; NULL: never yet
    failures bigint NOT NULL,                                -- in a row, to be shown anything
    next_ms  bigint NOT NULL,                                -- not to be compared before
    problem  text COLLATE "C"                                -- code of what was wrong; NULL: they agreed
);

-- What a member signed in its ledger that contradicts what it signed in a channel.
CREATE TABLE ledger_differences (
    number   bigint PRIMARY KEY,                             -- 1, 2, 3 ... as they were found
    peer     text COLLATE "C" NOT NULL,                      -- whose ledger it is
    showing  bytea NOT NULL,                                 -- as it came (protocol/showing.py); the counterpart stands in our logs
    found_ms bigint NOT NULL
);
CREATE UNIQUE INDEX ledger_differences_once ON ledger_differences (peer, sha256(showing));

-- Of a node that was rebuilt: what it had answered of crowds, entry by entry (recovered_entries: what it said alone).
CREATE TABLE recovered_answers (
    peer   text COLLATE "C" NOT NULL,
    said   bytea NOT NULL,                                   -- the key of the answer, as in recovered_entries
    answer text COLLATE "C" NOT NULL,                        -- the disposition
    PRIMARY KEY (peer, said)
);

-- What members disavow: entries [first, size) of an epoch of theirs that somebody else signed. (node/store/disavowing.py)
CREATE TABLE disavowed_in (
    entry bigint PRIMARY KEY,                                -- entries_in.seq of the entry that says so
    peer  text COLLATE "C" NOT NULL,
    lane  text COLLATE "C" NOT NULL,
    epoch bytea NOT NULL,                                    -- an earlier one of the same channel
    first bigint NOT NULL,
    size  bigint NOT NULL
);
CREATE INDEX disavowed_in_by_log ON disavowed_in (peer, lane, epoch);

-- Entries in custody that stand in such a range.
CREATE VIEW in_disavowed_ranges AS
SELECT e.* FROM disavowed_in d JOIN entries_in e
    ON e.peer = d.peer AND e.lane = d.lane AND e.epoch = d.epoch AND e.idx >= d.first AND e.idx < d.size;

-- Of those, the ones that their sender has not said again itself.
CREATE VIEW disavowed_entries AS
SELECT e.* FROM in_disavowed_ranges e WHERE NOT EXISTS (
    SELECT 1 FROM entries_in a
    WHERE a.peer = e.peer AND a.leaf = e.leaf AND a.seq > e.seq AND a.answer IN ('repeat', 'conflict')
    AND NOT EXISTS (
        SELECT 1 FROM disavowed_in d
        WHERE d.peer = a.peer AND d.lane = a.lane AND d.epoch = a.epoch AND a.idx >= d.first AND a.idx < d.size));

-- What belongs to a channel itself, among the items: epochs opened, and tombstones of items that never came. (node/store/ending.py)
CREATE INDEX entries_in_of_channel ON entries_in (peer) WHERE lane = 'reports' AND judged = 1 AND answer IS NULL;

-- Numbers that leave no gap when something is taken back, as sequences would.
CREATE FUNCTION next_in_messages_out() RETURNS bigint LANGUAGE sql AS
    'SELECT coalesce(max(seq), 0) + 1 FROM messages_out';
ALTER TABLE messages_out ALTER COLUMN seq SET DEFAULT next_in_messages_out();
CREATE FUNCTION next_in_forks() RETURNS bigint LANGUAGE sql AS
    'SELECT coalesce(max(number), 0) + 1 FROM forks';
ALTER TABLE forks ALTER COLUMN number SET DEFAULT next_in_forks();
CREATE FUNCTION next_in_ledger_heads() RETURNS bigint LANGUAGE sql AS
    'SELECT coalesce(max(number), 0) + 1 FROM ledger_heads';
ALTER TABLE ledger_heads ALTER COLUMN number SET DEFAULT next_in_ledger_heads();
CREATE FUNCTION next_in_witnessed() RETURNS bigint LANGUAGE sql AS
    'SELECT coalesce(max(number), 0) + 1 FROM witnessed';
ALTER TABLE witnessed ALTER COLUMN number SET DEFAULT next_in_witnessed();
CREATE FUNCTION next_in_ledger_differences() RETURNS bigint LANGUAGE sql AS
    'SELECT coalesce(max(number), 0) + 1 FROM ledger_differences';
ALTER TABLE ledger_differences ALTER COLUMN number SET DEFAULT next_in_ledger_differences();
