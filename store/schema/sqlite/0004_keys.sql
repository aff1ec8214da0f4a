-- API keys: what says who somebody is. The secret is not here, its SHA-256 is; it has 256 bits of chance, so nothing slower is
-- needed. A row stays when its key is revoked, so that a list can tell. Times are unix milliseconds, 0: never.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,      -- 16 hex digits, part of the key and no secret
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    name TEXT NOT NULL,
    owner TEXT NOT NULL,      -- tenant/user
    models TEXT NOT NULL,     -- that it may ask, a,b; empty: any
    limits TEXT NOT NULL,     -- JSON object
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked = 0;

-- Gateways look at this one number each second, and read the keys when it has changed, whoever changed them.
CREATE TABLE api_keys_revision (revision INTEGER NOT NULL);
INSERT INTO api_keys_revision VALUES (1);
CREATE TRIGGER api_keys_added AFTER INSERT ON api_keys BEGIN UPDATE api_keys_revision SET revision = revision + 1; END;
CREATE TRIGGER api_keys_changed AFTER UPDATE ON api_keys BEGIN UPDATE api_keys_revision SET revision = revision + 1; END;
CREATE TRIGGER api_keys_removed AFTER DELETE ON api_keys BEGIN UPDATE api_keys_revision SET revision = revision + 1; END;
