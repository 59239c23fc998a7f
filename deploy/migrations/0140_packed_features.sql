-- Features as an array of numbers, their names once a layout instead of in every row: reading and packing jsonb was most
-- of the server's work for a row. The rows are in tables of another name; `features` and `contexts` are views with the
-- columns that they had, so that whatever asks for features ->> 'name' goes on as before. Rows that are there stay as
-- they are, with their jsonb in features; a row with numbers has an empty object there.

CREATE TABLE feature_layouts (
    layout uuid PRIMARY KEY,
    names  text[] NOT NULL
);

ALTER TABLE features RENAME TO features_packed;
ALTER TABLE contexts RENAME TO contexts_packed;
ALTER TABLE features_packed ADD COLUMN layout uuid;
ALTER TABLE features_packed ADD COLUMN numbers double precision[];
ALTER TABLE contexts_packed ADD COLUMN layout uuid;
ALTER TABLE contexts_packed ADD COLUMN numbers double precision[];

-- The object is made once a row, however often a query asks for it, and not at all where none does.
CREATE VIEW features AS
SELECT id, time, instrument_id, timeframe, ts_close, ts_decided, schema_hash,
       CASE WHEN p.layout IS NULL THEN p.features ELSE o.features END AS features,
       tainted, bid, ask, reason, stored_at
FROM features_packed AS p LEFT JOIN feature_layouts AS l USING (layout) LEFT JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(u.name, u.number), '{}') AS features
    FROM unnest(l.names, p.numbers) AS u (name, number)
) AS o ON true;

CREATE VIEW contexts AS
SELECT id, time, instrument_id, timeframe, ts_close, ts_decided, schema_hash,
       CASE WHEN p.layout IS NULL THEN p.features ELSE o.features END AS features,
       tainted, stored_at
FROM contexts_packed AS p LEFT JOIN feature_layouts AS l USING (layout) LEFT JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(u.name, u.number), '{}') AS features
    FROM unnest(l.names, p.numbers) AS u (name, number)
) AS o ON true;

CREATE OR REPLACE VIEW vectors AS
SELECT f.time, f.instrument_id, f.timeframe, f.ts_close, greatest(f.ts_decided, c.ts_decided) AS ts_decided,
       f.schema_hash, c.schema_hash AS context_hash, f.features || coalesce(c.features, '{}') AS features,
       f.tainted || coalesce(c.tainted, '{}') AS tainted, f.bid, f.ask
FROM features AS f LEFT JOIN contexts AS c USING (instrument_id, timeframe, time)
WHERE f.reason IS NULL;

CREATE OR REPLACE VIEW feature_values AS
SELECT f.time, f.instrument_id, f.timeframe, f.ts_close, f.ts_decided, f.schema_hash,
       v.feature, v.value, f.tainted ->> v.feature AS taint
FROM (
    SELECT time, instrument_id, timeframe, ts_close, ts_decided, schema_hash, features, tainted, layout, numbers
    FROM features_packed
    UNION ALL
    SELECT time, instrument_id, timeframe, ts_close, ts_decided, schema_hash, features, tainted, layout, numbers
    FROM contexts_packed
) AS f LEFT JOIN feature_layouts AS l USING (layout) CROSS JOIN LATERAL (
    SELECT u.name AS feature, u.number AS value FROM unnest(l.names, f.numbers) AS u (name, number)
    UNION ALL
    SELECT j.key, j.value::double precision FROM jsonb_each_text(f.features) AS j
) AS v;

-- As before: the view of a column for each of `names`, or of those of the newest vector. Numbers of the layout with just
-- these names are found by their place, those of any other by their name.
CREATE OR REPLACE FUNCTION refresh_features_wide(names text[] DEFAULT NULL) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    wanted text[] := coalesce(names, (
        SELECT coalesce(l.names, ARRAY(SELECT jsonb_object_keys(p.features)))
        FROM features_packed AS p LEFT JOIN feature_layouts AS l USING (layout)
        WHERE p.reason IS NULL ORDER BY p.time DESC, p.stored_at DESC LIMIT 1
    ), '{}');
    known uuid := (SELECT l.layout FROM feature_layouts AS l WHERE l.names = wanted LIMIT 1);
    query text := 'CREATE OR REPLACE VIEW features_wide AS'
        ' SELECT id, time, instrument_id, timeframe, ts_close, ts_decided, schema_hash,'
        ' bid, ask, tainted' -- ten columns of its own, then the features
        || (SELECT coalesce(string_agg(
                ', CASE' || coalesce(format(' WHEN p.layout = %L THEN p.numbers[%s]', known, place), '') || format(
                    ' WHEN p.layout IS NULL THEN (p.features ->> %L)::double precision'
                    ' ELSE p.numbers[array_position(l.names, %L)] END AS %I', name, name, name),
                '' ORDER BY place), '')
            FROM unnest(wanted) WITH ORDINALITY AS w (name, place))
        || ' FROM features_packed AS p LEFT JOIN feature_layouts AS l USING (layout) WHERE p.reason IS NULL';
BEGIN
    IF to_regclass('features_wide') IS NOT NULL THEN
        IF wanted = ARRAY(
            SELECT attname::text FROM pg_attribute
            WHERE attrelid = 'features_wide'::regclass AND attnum > 10 ORDER BY attnum
        ) THEN
            IF known IS NULL OR strpos(pg_get_viewdef('features_wide'::regclass), known::text) = 0 THEN
                EXECUTE query;
            END IF;
            RETURN wanted;
        END IF;
        DROP VIEW features_wide;
    END IF;
    EXECUTE query;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON features_wide TO candlewick_read;
    END IF;
    RETURN wanted;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION refresh_features_wide SET search_path = %I, pg_temp', current_schema());
    PERFORM refresh_features_wide(ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = 'features_wide'::regclass AND attnum > 10 ORDER BY attnum
    ));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON features, contexts, feature_layouts TO candlewick_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_write') THEN
        GRANT SELECT ON features, contexts TO candlewick_write;
        GRANT SELECT, INSERT ON feature_layouts TO candlewick_write;
    END IF;
END $$;
