-- Messages and answers lie in one partition a month, by the time within their UUIDv7 ids: old months are read
-- by nobody, are vacuumed once, and can be detached whole. What fits no month lies in the _other partitions,
-- so that nothing is ever refused for its time; when the month is made, it moves there.

-- The least UUIDv7 of a moment.
CREATE FUNCTION lastword.uuid_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;

-- Makes the partition of one month of one table, unless it is there.
CREATE FUNCTION lastword.make_partition(p_table text, p_month timestamp) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text := p_table || to_char(p_month, '_YYYY_MM');
    other text := p_table || '_other';
    low uuid := lastword.uuid_floor(p_month AT TIME ZONE 'UTC');
    high uuid := lastword.uuid_floor((p_month + interval '1 month') AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass('lastword.' || part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE lastword.%I IN ACCESS EXCLUSIVE MODE', other);
    EXECUTE format('CREATE TABLE lastword.%I (LIKE lastword.%I INCLUDING ALL)', part, p_table);
    EXECUTE format('WITH moved AS (DELETE FROM lastword.%I WHERE id >= %L AND id < %L RETURNING *) '
                   'INSERT INTO lastword.%I SELECT * FROM moved', other, low, high, part);
    EXECUTE format('ALTER TABLE lastword.%I ATTACH PARTITION lastword.%I FOR VALUES FROM (%L) TO (%L)',
                   p_table, part, low, high);
    RETURN true;
END $$;

-- Makes the partitions of this month and of those that follow; the number made. Called by each gateway every
-- now and then. It waits for nobody: who is in the way now is not in an hour.
CREATE FUNCTION lastword.make_partitions(p_ahead integer, p_now timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', p_now AT TIME ZONE 'UTC');
    made integer := 0;
    i integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1280796777, 2) THEN
        RETURN 0;
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
    FOR i IN 0 .. p_ahead LOOP
        made := made + lastword.make_partition('messages', month + i * interval '1 month')::integer
                     + lastword.make_partition('answers', month + i * interval '1 month')::integer;
    END LOOP;
    RETURN made;
END $$;

SELECT lastword.make_partitions(3);
