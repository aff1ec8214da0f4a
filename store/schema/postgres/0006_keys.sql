-- API keys: what says who somebody is. The secret is not here, its SHA-256 is; it has 256 bits of chance, so nothing slower is
-- needed. A row stays when its key is revoked, so that a list can tell. Times are unix milliseconds, 0: never. No reference to
-- users: a key is made before its user has said anything, and users come with their first conversation.
CREATE TABLE lastword.api_keys (
    id text COLLATE "C" PRIMARY KEY, -- 16 hex digits, part of the key and no secret
    digest bytea NOT NULL CHECK (length(digest) = 32),
    name text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL, -- tenant/user
    models text NOT NULL,            -- that it may ask, a,b; empty: any
    limits text NOT NULL,            -- JSON object
    created bigint NOT NULL,
    expires bigint NOT NULL,
    revoked bigint NOT NULL
);
CREATE UNIQUE INDEX api_keys_name ON lastword.api_keys (name) WHERE revoked = 0;

-- Gateways look at this one number each second, and read the keys when it has changed, whoever changed them. A row and not
-- a sequence, so that it changes with the keys and not before.
CREATE TABLE lastword.api_keys_revision (revision bigint NOT NULL);
INSERT INTO lastword.api_keys_revision VALUES (1);
CREATE FUNCTION lastword.api_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lastword.api_keys_revision SET revision = revision + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON lastword.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION lastword.api_keys_changed();
