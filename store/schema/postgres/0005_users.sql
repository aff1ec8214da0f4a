-- Who has conversations. A row is made with an owner's first conversation, in the same statement (lock_chat), and
-- stays when the last one is deleted. The owner is the key: it is what a credential says and what every other row
-- carries. What will say who somebody is (keys, tokens) refers to it, and holds its own secrets; here are none.
ALTER TABLE lastword.users ADD COLUMN name text; -- as shown; NULL: the owner's own

-- Of conversations recorded before there was such a reference.
INSERT INTO lastword.users (tenant, owner, created)
SELECT c.tenant, c.owner, min(c.created) FROM lastword.conversations c GROUP BY c.tenant, c.owner
ON CONFLICT DO NOTHING;

-- Only conversations refer to it: one is made seldom, and all else hangs on its conversation. Not the tenant alone:
-- it stands in the key, so that the tables may be spread over servers by it.
ALTER TABLE lastword.conversations ADD CONSTRAINT conversations_user
    FOREIGN KEY (tenant, owner) REFERENCES lastword.users (tenant, owner);

-- With the time of the last thing that happened in a conversation of theirs. It is looked up, not kept: a row a
-- prompt would be one more to write for each, and the conversations have it in an index already.
CREATE VIEW lastword.people AS
SELECT u.tenant, u.owner, coalesce(u.name, u.owner) AS name, u.created,
       greatest(u.created, (SELECT c.updated FROM lastword.conversations c
                            WHERE c.tenant = u.tenant AND c.owner = u.owner
                            ORDER BY c.slot DESC, c.updated DESC LIMIT 1)) AS seen
FROM lastword.users u;
