-- What reads. All are STABLE: one snapshot a call, on a standby as well.

-- A message with what became of it, in the order the gateway reads it. Of a question: gen is NULL.
CREATE VIEW lastword.nodes AS
SELECT m.tenant, m.owner, m.chat, m.id, m.parent, m.role::integer AS role, m.ord, m.created, m.gen,
       coalesce(a.state, 'running') AS state, coalesce(a.model, m.model) AS model,
       coalesce(a.epoch, 0) AS epoch, coalesce(a.seq, 0) AS seq, coalesce(a.crc, 0) AS crc,
       coalesce(a.updated, m.created) AS updated, m.request, coalesce(a.outcome, '') AS outcome, m.digest,
       coalesce(a.parts, '') AS parts, coalesce(a.body, m.body, '') AS body
FROM lastword.messages m
LEFT JOIN lastword.answers a
  ON m.role = 2 AND a.tenant = m.tenant AND a.owner = m.owner AND a.chat = m.chat AND a.id = m.id;

CREATE FUNCTION lastword.read_answer(p_tenant text, p_owner text, p_gen uuid) RETURNS SETOF lastword.nodes
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT n.* FROM lastword.generations g
    JOIN lastword.nodes n
      ON n.tenant = p_tenant AND n.owner = p_owner AND n.chat = g.chat AND n.id = g.message
    WHERE g.tenant = p_tenant AND g.owner = p_owner AND g.gen = p_gen;
END $$;

-- All owners; those recorded after one, or after none (p_gen NULL). A row of NULLs: that one is not there.
CREATE FUNCTION lastword.read_running(p_tenant text, p_owner text, p_gen uuid, p_limit bigint)
RETURNS SETOF lastword.nodes LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_after bigint := 0;
BEGIN
    IF p_gen IS NOT NULL THEN
        SELECT g.ord INTO v_after FROM lastword.generations g
        WHERE g.tenant = p_tenant AND g.owner = p_owner AND g.gen = p_gen;
        IF NOT FOUND THEN
            RETURN NEXT NULL;
            RETURN;
        END IF;
    END IF;
    RETURN QUERY
    SELECT n.* FROM (SELECT r.* FROM lastword.running r WHERE r.ord > v_after ORDER BY r.ord LIMIT p_limit) w
    JOIN lastword.nodes n
      ON n.tenant = w.tenant AND n.owner = w.owner AND n.chat = w.chat AND n.id = w.message
    ORDER BY w.ord;
END $$;

CREATE FUNCTION lastword.read_context(p_tenant text, p_owner text, p_chat uuid, p_message uuid,
                                      p_bytes bigint)
RETURNS TABLE (role integer, body bytea, parts bytea) LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM FROM lastword.messages m
    WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = p_chat AND m.id = p_message AND m.role = 1;
    IF FOUND THEN
        RETURN QUERY SELECT * FROM lastword.walk(p_tenant, p_owner, p_chat, p_message, p_bytes, 0, 0);
    END IF;
END $$;

CREATE FUNCTION lastword.read_tree(p_tenant text, p_owner text, p_chat uuid) RETURNS SETOF lastword.nodes
LANGUAGE plpgsql STABLE AS $$
DECLARE
    c lastword.conversations;
BEGIN
    SELECT x.* INTO c FROM lastword.conversations x
    WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat;
    RETURN QUERY SELECT n.* FROM lastword.nodes n
    WHERE n.tenant = p_tenant AND n.owner = p_owner AND n.chat = p_chat
      AND n.id BETWEEN c.first_id AND c.last_id
    ORDER BY n.ord;
END $$;

CREATE FUNCTION lastword.read_list(p_tenant text, p_owner text, p_updated bigint, p_chat uuid, p_limit bigint)
RETURNS TABLE (chat uuid, title bytea, created bigint, updated bigint, messages integer, snippet bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT c.chat, c.title, c.created, c.updated, c.messages, c.snippet FROM lastword.conversations c
    WHERE c.tenant = p_tenant AND c.owner = p_owner AND c.slot <= p_updated / 600000
      AND (c.updated, c.chat) < (p_updated, p_chat)
    ORDER BY c.slot DESC, c.updated DESC, c.chat DESC LIMIT p_limit;
END $$;

CREATE FUNCTION lastword.read_head(p_tenant text, p_owner text, p_chat uuid)
RETURNS TABLE (chat uuid, title bytea, created bigint, updated bigint, messages integer, snippet bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT c.chat, c.title, c.created, c.updated, c.messages, c.snippet FROM lastword.conversations c
    WHERE c.tenant = p_tenant AND c.owner = p_owner AND c.chat = p_chat;
END $$;

-- Search. Nothing is indexed, so that writing costs next to nothing more: each text carries a signature, a set
-- of bits (an eighth to a quarter of the text) in which every run of three characters, folded, has set one. A
-- message whose signature lacks a bit of the words cannot hold them, and its text need not be touched; one that
-- has them all is sent to the gateway, which looks. An owner's conversations are gone through newest first.
--
-- Signatures come in lengths of 128 to 32768 bits, in doubling steps; p_masks are the bits of the words for
-- each of these lengths.
CREATE FUNCTION lastword.signature_level(p_bits integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_bits WHEN 128 THEN 1 WHEN 256 THEN 2 WHEN 512 THEN 3 WHEN 1024 THEN 4 WHEN 2048 THEN 5
                       WHEN 4096 THEN 6 WHEN 8192 THEN 7 WHEN 16384 THEN 8 WHEN 32768 THEN 9 END
$$;

CREATE FUNCTION lastword.may_hold(p_signature bit varying, p_masks bit varying[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_signature & p_masks[lastword.signature_level(length(p_signature))])
           = p_masks[lastword.signature_level(length(p_signature))]
$$;

-- Conversations from a place on, one row each and one for each message that may hold the words, newest first,
-- until so many messages were looked at or so many bytes of text come along. A last row without a chat says
-- that there are more.
CREATE FUNCTION lastword.read_search(p_tenant text, p_owner text, p_updated bigint, p_chat uuid,
                                     p_masks bit varying[], p_messages bigint, p_bytes bigint)
RETURNS TABLE (chat uuid, title bytea, created bigint, updated bigint, messages integer, snippet bytea,
               body bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    c lastword.conversations;
    v_messages bigint := 0;
    v_bytes bigint := 0;
BEGIN
    FOR c IN SELECT x.* FROM lastword.conversations x
             WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.slot <= p_updated / 600000
               AND (x.updated, x.chat) < (p_updated, p_chat)
             ORDER BY x.slot DESC, x.updated DESC, x.chat DESC LOOP
        IF v_messages >= p_messages OR v_bytes >= p_bytes THEN
            chat := NULL;
            RETURN NEXT;
            RETURN;
        END IF;
        chat := c.chat;
        title := c.title;
        created := c.created;
        updated := c.updated;
        messages := c.messages;
        snippet := c.snippet;
        body := NULL;
        RETURN NEXT;
        FOR body IN
            SELECT f.body FROM (
                SELECT m.ord, m.body FROM lastword.messages m
                WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = c.chat
                  AND m.id BETWEEN c.first_id AND c.last_id
                  AND m.role <> 2 AND lastword.may_hold(m.signature, p_masks)
                UNION ALL
                SELECT m.ord, a.body FROM lastword.messages m
                JOIN lastword.answers a
                  ON a.id = m.id AND a.tenant = p_tenant AND a.owner = p_owner AND a.chat = c.chat
                WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = c.chat
                  AND m.id BETWEEN c.first_id AND c.last_id
                  AND m.role = 2 AND lastword.may_hold(a.signature, p_masks)) f
            ORDER BY f.ord DESC LOOP
            v_bytes := v_bytes + octet_length(body);
            RETURN NEXT;
        END LOOP;
        v_messages := v_messages + c.messages;
    END LOOP;
END $$;
