-- What waits for a judgement is read channel by channel, in turns. (node/store/custody.py)
CREATE INDEX entries_in_turns ON entries_in (peer, lane, seq) WHERE judged = 0;
DROP INDEX IF EXISTS entries_in_waiting;
