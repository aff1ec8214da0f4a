-- Search: an index of the trigrams (runs of three characters, which serves text without spaces as well) of every
-- message, written by the helper thread when nothing else is to do. It finds candidates; the text itself is
-- looked at before a conversation is shown. What is not indexed yet is always a candidate:
--   questions recorded after search_upto, and answers in search_waiting.
-- No text is kept twice, and no positions. A row begins with three characters that stand for the owner.
CREATE VIRTUAL TABLE search USING fts5 (text, content = '', detail = none, tokenize = 'trigram case_sensitive 1');
-- Merging is done step by step in idle time, never in the midst of a commit.
INSERT INTO search (search, rank) VALUES ('automerge', 0);
INSERT INTO search (search, rank) VALUES ('crisismerge', 1000);

CREATE TABLE search_upto (id INTEGER NOT NULL);
INSERT INTO search_upto VALUES (0);
CREATE TABLE search_waiting (id INTEGER PRIMARY KEY);
INSERT INTO search_waiting SELECT id FROM generations WHERE state != 'running';
