-- Views for people. The rollups are continuous aggregates where TimescaleDB's licence is Community, else plain views
-- of the same names over the same queries.

-- The newest revision of each bar; decisions were made on revision 0.
CREATE VIEW bars_latest AS
SELECT DISTINCT ON (instrument_id, timeframe, time) *
FROM bars
ORDER BY instrument_id, timeframe, time, revision DESC;

-- One row a feature: long form. value is NULL while a feature is not ready, taint says what its memory lacked.
CREATE VIEW feature_values AS
SELECT f.time, f.instrument_id, f.timeframe, f.ts_close, f.ts_decided, f.schema_hash,
       v.key AS feature, v.value::double precision AS value, f.tainted ->> v.key AS taint
FROM features AS f CROSS JOIN LATERAL jsonb_each_text(f.features) AS v;

-- (Re)makes the view features_wide: one row a vector, one column a feature. Without names it takes those of the
-- newest vector. Other names mean another view: what depends on the old one has to be dropped first. The store calls it
-- when the features change; it runs with its owner's rights, so its search path is pinned.
CREATE FUNCTION refresh_features_wide(names text[] DEFAULT NULL) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    wanted text[] := coalesce(names, ARRAY(
        SELECT jsonb_object_keys(features)
        FROM (SELECT features FROM features WHERE features IS NOT NULL ORDER BY time DESC, stored_at DESC LIMIT 1) AS newest
    ));
BEGIN
    IF to_regclass('features_wide') IS NOT NULL THEN
        IF wanted = ARRAY(
            SELECT attname::text FROM pg_attribute
            WHERE attrelid = 'features_wide'::regclass AND attnum > 10 ORDER BY attnum
        ) THEN
            RETURN wanted;
        END IF;
        DROP VIEW features_wide;
    END IF;
    EXECUTE 'CREATE VIEW features_wide AS SELECT id, time, instrument_id, timeframe, ts_close, ts_decided, schema_hash,'
        ' bid, ask, tainted' -- ten columns of its own, then the features
        || (SELECT coalesce(string_agg(format(', (features ->> %L)::double precision AS %I', name, name), ''), '')
            FROM unnest(wanted) AS name)
        || ' FROM features WHERE features IS NOT NULL';
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON features_wide TO candlewick_read;
    END IF;
    RETURN wanted;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION refresh_features_wide SET search_path = %I, pg_temp', current_schema());
    REVOKE EXECUTE ON FUNCTION refresh_features_wide FROM PUBLIC;
    PERFORM refresh_features_wide();
END $$;

CREATE FUNCTION pg_temp.create_rollup(name text, bucket interval, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        BEGIN
            EXECUTE format(
                'CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS %s'
                ' WITH NO DATA', name, query);
            PERFORM add_continuous_aggregate_policy(
                name::regclass, start_offset => NULL, end_offset => bucket, schedule_interval => bucket / 4);
            RETURN;
        EXCEPTION WHEN feature_not_supported THEN
            RAISE WARNING 'TimescaleDB refused the continuous aggregate %: %', name, SQLERRM;
        END;
    END IF;
    EXECUTE format('CREATE VIEW %I AS %s', name, query);
END $$;

SELECT pg_temp.create_rollup('candidates_daily', '1 day', $$
    SELECT time_bucket(interval '1 day', time) AS day, instrument_id, timeframe, strategy, direction, status,
           count(*) AS candidates, avg(confidence) AS confidence
    FROM candidates GROUP BY 1, 2, 3, 4, 5, 6 $$);

SELECT pg_temp.create_rollup('signals_daily', '1 day', $$
    SELECT time_bucket(interval '1 day', time) AS day, instrument_id, timeframe, strategy, direction,
           count(*) AS signals, avg(confidence) AS confidence, avg(risk_reward) AS risk_reward
    FROM signals GROUP BY 1, 2, 3, 4, 5 $$);

SELECT pg_temp.create_rollup('gaps_hourly', '1 hour', $$
    SELECT time_bucket(interval '1 hour', time) AS hour, instrument_id, kind,
           count(*) AS gaps, sum(count) AS records, sum(ts_end - ts_start) / 1000000000.0 AS seconds
    FROM gaps GROUP BY 1, 2, 3 $$);

-- Days of UTC from revision-0 minutes. A bar belongs to the day it was open in, hence the microsecond.
CREATE VIEW bars_daily AS
SELECT time_bucket(interval '1 day', time - interval '1 microsecond') AS day, instrument_id,
       (array_agg(open ORDER BY time))[1] AS open, max(high) AS high, min(low) AS low,
       (array_agg(close ORDER BY time DESC))[1] AS close,
       sum(volume) AS volume, sum(notional) AS notional, sum(trades) AS trades,
       sum(buy_volume) AS buy_volume, sum(sell_volume) AS sell_volume, count(*) AS minutes
FROM bars
WHERE timeframe = '1m' AND revision = 0
GROUP BY 1, 2;
