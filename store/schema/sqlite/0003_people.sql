-- Who has conversations, as the Postgres schema shows it: since when, and when last. Looked up, not kept: the
-- conversations have it in an index already.
CREATE VIEW people AS
SELECT CASE instr(o.name, '/') WHEN 0 THEN o.name ELSE substr(o.name, 1, instr(o.name, '/') - 1) END AS tenant,
       o.name AS owner,
       (SELECT min(c.created) FROM conversations c WHERE c.owner = o.id) AS created,
       (SELECT max(c.updated) FROM conversations c WHERE c.owner = o.id) AS seen
FROM owners o;
