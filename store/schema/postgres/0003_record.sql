-- What writes. One function is one call of the gateway: one statement, planned once a server session, also
-- where a pooler hands the sessions around. A function is never changed once released: a new version gets a new
-- name, so that old and new gateways can work side by side.
--
-- The conversation's row is locked first by what looks before it writes, so begins, replaced ends and deletions
-- of one conversation come one after the other, whichever gateway they come from.

-- From a message up to the root: what a model is to see, newest first, as long as it fits into so many bytes
-- and 1,000 messages. p_used, p_count: what is in already; with p_count 0 the first one always goes.
CREATE FUNCTION lastword.walk(p_tenant text, p_owner text, p_chat uuid, p_from uuid, p_limit bigint,
                              p_used bigint, p_count integer)
RETURNS TABLE (role integer, body bytea, parts bytea) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE path AS (
        SELECT p_from AS up, p_used AS used, p_count AS n, NULL::smallint AS role, NULL::bytea AS body,
               NULL::bytea AS parts
        UNION ALL
        SELECT m.parent, least(p_limit, p.used + size.bytes),
               p.n + (m.role <> 2 OR size.bytes > 0)::integer, m.role,
               CASE WHEN m.role <> 2 THEN m.body WHEN size.bytes > 0 THEN a.body END, a.parts
        FROM path p
        JOIN lastword.messages m
          ON m.tenant = p_tenant AND m.owner = p_owner AND m.chat = p_chat AND m.id = p.up
        LEFT JOIN lastword.answers a
          ON m.role = 2 AND a.tenant = p_tenant AND a.owner = p_owner AND a.chat = p_chat AND a.id = p.up
        CROSS JOIN LATERAL (SELECT CASE WHEN m.role = 2 THEN coalesce(a.visible, 0)
                                        ELSE octet_length(m.body) END) AS size (bytes)
        WHERE p.n = 0
           OR (m.role = 2 AND size.bytes = 0)
           OR (p.n < 1000 AND p.used + size.bytes <= p_limit)
    )
    SELECT path.role::integer, path.body, path.parts FROM path WHERE path.body IS NOT NULL;
END $$;

-- The conversation, locked; made if it is not there and p_make. `messages` 0: it was made just now.
CREATE FUNCTION lastword.lock_chat(p_tenant text, p_owner text, p_chat uuid, p_make boolean, p_user uuid,
                                   p_answer uuid, p_snippet bytea, p_at bigint)
RETURNS lastword.conversations LANGUAGE plpgsql AS $$
DECLARE
    c lastword.conversations;
BEGIN
    FOR i IN 1 .. 2 LOOP
        SELECT x.* INTO c FROM lastword.conversations x
        WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat FOR NO KEY UPDATE;
        EXIT WHEN FOUND OR NOT p_make OR i = 2;
        INSERT INTO lastword.users VALUES (p_tenant, p_owner, p_at) ON CONFLICT DO NOTHING;
        INSERT INTO lastword.conversations (tenant, owner, chat, created, updated, slot, messages, bytes,
                                            first_id, last_id, snippet)
        VALUES (p_tenant, p_owner, p_chat, p_at, p_at, p_at / 600000, 0, 0, least(p_user, p_answer),
                greatest(p_user, p_answer), p_snippet)
        ON CONFLICT DO NOTHING; -- another gateway's, in this very moment: then that one it is
    END LOOP;
    IF c.chat IS NULL AND p_make THEN
        RAISE serialization_failure USING MESSAGE = 'the conversation came and went';
    END IF;
    RETURN c;
END $$;

-- Records a send. The first row says what came of it; the rows after it are the context above the input (with
-- an input) or from the user message up (without), unless `later` says that it is too much to come along.
-- p_kind: 0 newest, 1 root, 2 p_parent. p_again: this may have been done before, and its answer was lost.
-- What can refuse is looked at before anything is written but an empty conversation.
CREATE FUNCTION lastword.record_begin(
    p_tenant text, p_owner text, p_gen uuid, p_chat uuid, p_user uuid, p_answer uuid, p_kind bigint,
    p_parent uuid, p_has_input boolean, p_input bytea, p_signature bit varying, p_snippet bytea, p_model text,
    p_request bytea, p_digest bytea, p_at bigint, p_context bigint, p_again boolean, p_max_messages bigint,
    p_max_bytes bigint)
RETURNS TABLE (status text, user_message uuid, later boolean, role integer, body bytea, parts bytea)
LANGUAGE plpgsql AS $$
DECLARE
    g lastword.generations;
    c lastword.conversations;
    v_above uuid; -- the message that the send follows
    v_role integer;
    v_size bigint := CASE WHEN p_has_input THEN octet_length(p_input) ELSE 0 END;
    v_ord bigint;
BEGIN
    SELECT x.* INTO g FROM lastword.generations x
    WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.gen = p_gen;
    IF g.gen IS NULL THEN
        c := lastword.lock_chat(p_tenant, p_owner, p_chat, p_has_input AND p_kind <> 2, p_user, p_answer,
                                p_snippet, p_at);
        IF c.messages > 0 AND (c.messages + 2 > p_max_messages OR c.bytes + v_size > p_max_bytes) THEN
            status := 'full';
        ELSIF p_kind = 2 OR (p_kind = 0 AND c.messages > 0) THEN
            v_above := CASE WHEN p_kind = 2 THEN p_parent ELSE c.newest END;
            SELECT m.role INTO v_role FROM lastword.messages m
            WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = p_chat AND m.id = v_above;
            status := CASE WHEN v_role IS NULL OR (NOT p_has_input AND v_role <> 1) THEN 'no_parent' END;
        ELSIF NOT p_has_input THEN
            status := 'no_parent';
        END IF;
        IF status IS NULL THEN
            INSERT INTO lastword.generations AS x (tenant, owner, gen, chat, message)
            VALUES (p_tenant, p_owner, p_gen, p_chat, p_answer) ON CONFLICT DO NOTHING
            RETURNING x.ord INTO v_ord;
        END IF;
        IF status IS NULL AND v_ord IS NULL THEN -- another's, in this very moment
            DELETE FROM lastword.conversations x
            WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat AND x.messages = 0;
            SELECT x.* INTO g FROM lastword.generations x
            WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.gen = p_gen;
        END IF;
    END IF;

    IF g.gen IS NOT NULL AND p_again AND g.message = p_answer THEN -- it was this very call that recorded it
        SELECT x.* INTO c FROM lastword.conversations x
        WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = g.chat;
        SELECT CASE WHEN p_has_input THEN u.parent ELSE u.id END INTO v_above
        FROM lastword.messages m
        JOIN lastword.messages u
          ON u.tenant = p_tenant AND u.owner = p_owner AND u.chat = g.chat AND u.id = m.parent
        WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = g.chat AND m.id = g.message;
    ELSIF g.gen IS NOT NULL THEN
        status := 'exists';
    ELSIF status IS NULL THEN
        IF p_has_input THEN
            INSERT INTO lastword.messages (tenant, owner, chat, id, parent, role, ord, created, body,
                                           signature)
            VALUES (p_tenant, p_owner, p_chat, p_user, v_above, 1, c.messages, p_at, p_input, p_signature);
        END IF;
        INSERT INTO lastword.messages (tenant, owner, chat, id, parent, role, ord, created, gen, model,
                                       request, digest)
        VALUES (p_tenant, p_owner, p_chat, p_answer, CASE WHEN p_has_input THEN p_user ELSE v_above END, 2,
                c.messages + p_has_input::integer, p_at, p_gen, p_model, p_request, p_digest);
        INSERT INTO lastword.running VALUES (p_tenant, p_owner, p_gen, p_chat, p_answer, v_ord);
        UPDATE lastword.conversations x
        SET updated = greatest(x.updated, p_at), slot = greatest(x.updated, p_at) / 600000,
            messages = x.messages + 1 + p_has_input::integer, bytes = x.bytes + v_size, newest = p_answer,
            first_id = least(x.first_id, p_answer, CASE WHEN p_has_input THEN p_user END),
            last_id = greatest(x.last_id, p_answer, CASE WHEN p_has_input THEN p_user END)
        WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat;
    END IF;

    IF status IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    status := 'ok';
    user_message := CASE WHEN p_has_input THEN p_user ELSE v_above END;
    later := c.bytes > 262144;
    RETURN NEXT;
    IF v_above IS NOT NULL AND NOT later THEN
        RETURN QUERY SELECT NULL::text, NULL::uuid, NULL::boolean, w.role, w.body, w.parts
        FROM lastword.walk(p_tenant, p_owner, p_chat, v_above, p_context, least(v_size, p_context),
                           p_has_input::integer) w;
    END IF;
END $$;

-- The end of one answer whose generation is known, told apart from what is recorded. 'ok' also for a repeat.
CREATE FUNCTION lastword.replace_answer(p lastword.answers) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_epoch bigint;
    v_bytes bigint;
BEGIN
    PERFORM FROM lastword.conversations c
    WHERE c.tenant = p.tenant AND c.owner = p.owner AND c.chat = p.chat FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'not_found';
    END IF;
    SELECT a.epoch, octet_length(a.body) INTO v_epoch, v_bytes FROM lastword.answers a
    WHERE a.id = p.id AND a.tenant = p.tenant AND a.owner = p.owner AND a.chat = p.chat;
    IF v_epoch >= p.epoch THEN
        RETURN CASE WHEN v_epoch > p.epoch THEN 'fenced' ELSE 'ok' END;
    END IF;
    DELETE FROM lastword.answers a
    WHERE a.id = p.id AND a.tenant = p.tenant AND a.owner = p.owner AND a.chat = p.chat;
    INSERT INTO lastword.answers SELECT p.*;
    DELETE FROM lastword.running r WHERE r.tenant = p.tenant AND r.owner = p.owner AND r.gen = p.gen;
    UPDATE lastword.conversations c
    SET updated = greatest(c.updated, p.updated), slot = greatest(c.updated, p.updated) / 600000,
        bytes = c.bytes + octet_length(p.body) - coalesce(v_bytes, 0)
    WHERE c.tenant = p.tenant AND c.owner = p.owner AND c.chat = p.chat;
    RETURN 'ok';
END $$;

-- Records the ends of many answers at once. The rows returned are those that were not plainly recorded: their
-- place in the arrays, from 1, and why.
--
-- Nearly all are ends that nobody recorded before: they are found in running, and take one statement
-- together. What is left is looked at one by one afterwards.
CREATE FUNCTION lastword.record_finish(
    p_tenant text[], p_owner text[], p_gen uuid[], p_state text[], p_model text[], p_epoch bigint[],
    p_seq bigint[], p_crc bigint[], p_updated bigint[], p_prompt bigint[], p_completion bigint[],
    p_visible bigint[], p_parts bytea[], p_outcome bytea[], p_signature bit varying[], p_body bytea[])
RETURNS TABLE (place bigint, status text) LANGUAGE plpgsql AS $$
DECLARE
    v_ended bigint;
    v_kept bigint;
    g lastword.generations;
    a lastword.answers;
BEGIN
    WITH over AS (
        DELETE FROM lastword.running r
        USING unnest(p_tenant, p_owner, p_gen, p_state, p_model, p_epoch, p_seq, p_crc, p_updated, p_prompt,
                     p_completion, p_visible, p_parts, p_outcome, p_signature, p_body)
              AS q (tenant, owner, gen, state, model, epoch, seq, crc, updated, prompt, completion, visible,
                    parts, outcome, signature, body)
        WHERE r.tenant = q.tenant AND r.owner = q.owner AND r.gen = q.gen
        RETURNING r.message, r.chat, q.*
    ), ended AS (
        INSERT INTO lastword.answers AS x
        SELECT o.message, o.tenant, o.owner, o.chat, o.gen, o.state, o.model, o.epoch, o.seq, o.crc,
               o.updated, o.prompt, o.completion, o.visible, o.parts, o.outcome, o.signature, o.body
        FROM over o
        RETURNING x.tenant, x.owner, x.chat, x.updated, octet_length(x.body) AS bytes
    ), touched AS (
        UPDATE lastword.conversations c
        SET updated = greatest(c.updated, e.updated), slot = greatest(c.updated, e.updated) / 600000,
            bytes = c.bytes + e.bytes
        FROM (SELECT d.tenant, d.owner, d.chat, max(d.updated) AS updated, sum(d.bytes)::bigint AS bytes,
                     count(*) AS n
              FROM ended d GROUP BY d.tenant, d.owner, d.chat) e
        WHERE c.tenant = e.tenant AND c.owner = e.owner AND c.chat = e.chat
        RETURNING e.n
    )
    SELECT (SELECT count(*) FROM ended), (SELECT coalesce(sum(n), 0) FROM touched) INTO v_ended, v_kept;

    IF v_kept < v_ended THEN
        RAISE serialization_failure USING MESSAGE = 'a conversation was deleted in this very moment';
    END IF;
    IF v_ended = cardinality(p_gen) THEN
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(p_gen) LOOP
        place := i;
        status := 'not_found';
        SELECT k.* INTO g FROM lastword.generations k
        WHERE k.tenant = p_tenant[i] AND k.owner = p_owner[i] AND k.gen = p_gen[i];
        IF FOUND THEN
            a := (g.message, g.tenant, g.owner, g.chat, g.gen, p_state[i], p_model[i], p_epoch[i], p_seq[i],
                  p_crc[i], p_updated[i], p_prompt[i], p_completion[i], p_visible[i], p_parts[i], p_outcome[i],
                  p_signature[i], p_body[i]);
            status := lastword.replace_answer(a);
        END IF;
        IF status <> 'ok' THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

-- Renames a conversation; without a title, deletes it with all that is in it. Its usage stays.
CREATE FUNCTION lastword.record_edit(p_tenant text, p_owner text, p_chat uuid, p_title bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    c lastword.conversations;
BEGIN
    IF p_title IS NOT NULL THEN
        UPDATE lastword.conversations x SET title = p_title
        WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat;
        RETURN CASE WHEN FOUND THEN 'ok' ELSE 'not_found' END;
    END IF;
    DELETE FROM lastword.conversations x
    WHERE x.tenant = p_tenant AND x.owner = p_owner AND x.chat = p_chat RETURNING x.* INTO c;
    IF NOT FOUND THEN
        RETURN 'not_found';
    END IF;
    WITH gone AS (
        DELETE FROM lastword.messages m
        WHERE m.tenant = p_tenant AND m.owner = p_owner AND m.chat = p_chat
          AND m.id BETWEEN c.first_id AND c.last_id
        RETURNING m.id, m.gen
    ), free AS (
        DELETE FROM lastword.generations k USING gone
        WHERE k.tenant = p_tenant AND k.owner = p_owner AND k.gen = gone.gen
    ), over AS (
        DELETE FROM lastword.running r USING gone
        WHERE r.tenant = p_tenant AND r.owner = p_owner AND r.gen = gone.gen
    ), used AS (
        DELETE FROM lastword.answers a USING gone
        WHERE a.id = gone.id AND a.tenant = p_tenant AND a.owner = p_owner AND a.chat = p_chat
        RETURNING a.updated, a.model, a.prompt_tokens, a.completion_tokens
    )
    INSERT INTO lastword.usage_deleted AS u
    SELECT p_tenant, p_owner, lastword.day_of(a.updated), a.model, count(*),
           coalesce(sum(a.prompt_tokens), 0), coalesce(sum(a.completion_tokens), 0)
    FROM used a GROUP BY 3, 4
    ON CONFLICT (tenant, owner, day, model) DO UPDATE
    SET answers = u.answers + excluded.answers, prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens;
    RETURN 'ok';
END $$;

-- A write that changes nothing: whether writing works.
CREATE FUNCTION lastword.probe() RETURNS void LANGUAGE sql AS $$
    UPDATE lastword.schema_version SET applied = applied WHERE version = 1
$$;
