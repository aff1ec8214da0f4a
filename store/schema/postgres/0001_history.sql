-- Conversations, their messages as a tree, the answers among them, and who asked.
--
-- The tenant (what stands before the slash of an owner) is part of every key, so that the tables can be spread
-- over servers by it without changing a row, and so is the owner, so that no row of another is ever in reach.
-- What clients call things (chat, gen) is part of the keys, and stands first in them: ids are UUIDv7, so rows
-- are added and looked for where the index was touched last. Nothing is numbered by a counter but the order of
-- begins.
--
-- Text is bytea: it may hold NUL, which the type text cannot, and comes back byte for byte whatever the
-- encoding of the database is. Times are unix milliseconds.
--
-- A begin writes generations, running, messages (question and answer) and conversations; an end only adds one
-- row to answers, takes one from running and touches the conversation. So no large row is ever updated.

CREATE TABLE lastword.users (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL, -- "tenant/user", whole
    created bigint NOT NULL,
    PRIMARY KEY (tenant, owner)
);

-- The row is also the lock under which a conversation changes.
CREATE TABLE lastword.conversations (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    chat uuid NOT NULL,
    title bytea,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    slot integer NOT NULL,  -- updated / 600000, for the index: ten minutes
    messages integer NOT NULL,
    bytes bigint NOT NULL,  -- of text, for the limit on one conversation
    newest uuid,            -- the message recorded last
    first_id uuid NOT NULL, -- the least and the greatest id of its messages: which partitions hold them
    last_id uuid NOT NULL,
    snippet bytea NOT NULL, -- the beginning of the first user message
    PRIMARY KEY (chat, tenant, owner)
) WITH (fillfactor = 80);
-- Newest first, but only to ten minutes: an end that comes soon after its begin then touches no index, and the
-- new version of the row finds room beside the old one. Within a slot the reader sorts.
CREATE INDEX conversations_newest ON lastword.conversations (tenant, owner, slot);

-- Questions with their text, answers with what was asked for; ids are UUIDv7, minted by the gateways.
CREATE TABLE lastword.messages (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    chat uuid NOT NULL,
    id uuid NOT NULL,
    parent uuid,            -- NULL: a root
    role smallint NOT NULL, -- 0 system, 1 user, 2 assistant
    ord integer NOT NULL,   -- order of recording within the conversation
    created bigint NOT NULL,
    body bytea,             -- NULL in an answer: see answers
    signature bit varying,  -- of body: see 0004_read.sql
    gen uuid,               -- an answer, and what follows
    model text,             -- as asked for
    request bytea,
    digest bytea,
    PRIMARY KEY (chat, id, tenant, owner)
) PARTITION BY RANGE (id);
CREATE TABLE lastword.messages_other PARTITION OF lastword.messages DEFAULT;

-- The gens that are used up, and where their answers are. Not by time: a gen is the client's, and must be
-- unique for ever.
CREATE TABLE lastword.generations (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    gen uuid NOT NULL,
    chat uuid NOT NULL,
    message uuid NOT NULL,
    ord bigint GENERATED ALWAYS AS IDENTITY, -- order of recording
    PRIMARY KEY (gen, tenant, owner)
);

-- Those of them that have not ended. Who takes the row away records the end.
CREATE TABLE lastword.running (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    gen uuid NOT NULL,
    chat uuid NOT NULL,
    message uuid NOT NULL,
    ord bigint NOT NULL,
    PRIMARY KEY (gen, tenant, owner)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
CREATE INDEX running_order ON lastword.running (ord);

-- The end of an answer: there is a row if and only if it has ended.
CREATE TABLE lastword.answers (
    id uuid NOT NULL, -- of its message
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    chat uuid NOT NULL,
    gen uuid NOT NULL,
    state text NOT NULL,
    model text NOT NULL, -- that served
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    crc bigint NOT NULL,
    updated bigint NOT NULL,
    prompt_tokens bigint, -- of outcome, for accounting; NULL: unknown
    completion_tokens bigint,
    visible bigint NOT NULL, -- bytes of body that a model may see again
    parts bytea NOT NULL,    -- runs of (part, off, len), 1 + 8 + 8 bytes each, little-endian
    outcome bytea NOT NULL,
    signature bit varying,
    body bytea NOT NULL,
    PRIMARY KEY (id, tenant, owner, chat)
) PARTITION BY RANGE (id);
CREATE TABLE lastword.answers_other PARTITION OF lastword.answers DEFAULT;

-- Usage of conversations that were deleted; of the others it is in their answers.
CREATE TABLE lastword.usage_deleted (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    answers bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    PRIMARY KEY (tenant, owner, day, model)
);

CREATE FUNCTION lastword.day_of(unix_ms bigint) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT date '1970-01-01' + (unix_ms / 86400000)::integer
$$;

CREATE VIEW lastword.usage AS
SELECT tenant, owner, day, model, sum(answers)::bigint AS answers,
       sum(prompt_tokens)::bigint AS prompt_tokens, sum(completion_tokens)::bigint AS completion_tokens
FROM (SELECT tenant, owner, lastword.day_of(updated) AS day, model,
             1::bigint AS answers, coalesce(prompt_tokens, 0) AS prompt_tokens,
             coalesce(completion_tokens, 0) AS completion_tokens
      FROM lastword.answers
      UNION ALL
      SELECT * FROM lastword.usage_deleted) each
GROUP BY tenant, owner, day, model;

-- Signatures do not compress, and texts compress several times faster with lz4, where the server has it.
ALTER TABLE lastword.messages ALTER COLUMN signature SET STORAGE MAIN;
ALTER TABLE lastword.answers ALTER COLUMN signature SET STORAGE MAIN;
DO $$
DECLARE
    part regclass;
BEGIN
    IF EXISTS (SELECT FROM pg_settings
               WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        FOREACH part IN ARRAY ARRAY['lastword.messages', 'lastword.messages_other', 'lastword.answers',
                                    'lastword.answers_other']::regclass[] LOOP
            EXECUTE format('ALTER TABLE %s ALTER COLUMN body SET COMPRESSION lz4', part);
        END LOOP;
    END IF;
END $$;
