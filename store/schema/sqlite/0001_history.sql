-- Conversations, their messages, the answers among them, and the unsaved ends of running answers.
-- Rows point at each other by small integers; what clients call things (owner, chat, gen) is looked up once.
-- Times are unix milliseconds. Text is UTF-8 and may hold NUL: read it with its length.

CREATE TABLE owners (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners (id),
    chat BLOB NOT NULL,
    title TEXT,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,  -- of text, for the limit on one conversation
    newest INTEGER NOT NULL, -- messages.id of the one recorded last
    snippet TEXT NOT NULL    -- the beginning of the first user message
);
CREATE UNIQUE INDEX conversations_key ON conversations (owner, chat);
CREATE INDEX conversations_newest ON conversations (owner, updated, chat);

-- id grows in the order of recording.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    uuid BLOB NOT NULL,
    parent INTEGER REFERENCES messages (id), -- NULL: a root
    role INTEGER NOT NULL,                   -- 0 system, 1 user, 2 assistant
    created INTEGER NOT NULL,
    text TEXT NOT NULL, -- of an answer: empty until it is finished
    parts BLOB          -- of an answer: runs of (part, off, len), 1 + 8 + 8 bytes each, little-endian
);
CREATE UNIQUE INDEX messages_key ON messages (conversation, uuid);

-- One answer each; id is that of its message.
CREATE TABLE generations (
    id INTEGER PRIMARY KEY REFERENCES messages (id),
    owner INTEGER NOT NULL REFERENCES owners (id),
    gen BLOB NOT NULL,
    state TEXT NOT NULL, -- running, or a state of done
    model TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    request TEXT NOT NULL,
    outcome TEXT NOT NULL,
    digest BLOB NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
CREATE UNIQUE INDEX generations_key ON generations (owner, gen);
CREATE INDEX generations_running ON generations (id) WHERE state = 'running';

-- The text of running answers, saved piece by piece: only ever appended to, so that saving thousands of them
-- touches few pages. The last piece of an answer carries its position.
CREATE TABLE tails (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    off INTEGER NOT NULL,
    data BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    parts BLOB NOT NULL
);
CREATE INDEX tails_of ON tails (generation, id);
