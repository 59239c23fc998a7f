-- What TimescaleDB adds, where it is. Each block asks the server first: without the extension the tables stay plain,
-- with its Apache edition they become hypertables, with its Community edition old chunks are compressed and dropped.

-- Its loader has to be preloaded: CREATE EXTENSION without it ends the session, so ask for a setting of the loader.
DO $$
BEGIN
    IF current_setting('timescaledb.disable_load', true) IS NULL THEN
        RAISE NOTICE 'TimescaleDB is not loaded by this server: plain tables';
    ELSE
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
EXCEPTION WHEN insufficient_privilege OR undefined_file THEN -- an exception block is a savepoint
    RAISE WARNING 'TimescaleDB cannot be created by this role (%): plain tables', SQLERRM;
END $$;

-- time_bucket for weeks, days and shorter, with TimescaleDB's origin (a Monday), so that queries are the same anywhere.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN date_bin(bucket_width, ts, timestamptz '2000-01-03 00:00:00+00');
    END IF;
END $$;

DO $$
DECLARE
    target record;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        FOR target IN
            SELECT * FROM (VALUES
                ('books', interval '1 day'),
                ('bars', interval '7 days'), ('features', interval '7 days'),
                ('candidates', interval '30 days'), ('signals', interval '30 days'), ('outcomes', interval '30 days'),
                ('gaps', interval '30 days'), ('drift', interval '30 days'), ('dead_letters', interval '30 days')
            ) AS wanted (name, chunk)
        LOOP
            PERFORM create_hypertable(
                target.name::regclass, by_range('time', target.chunk), create_default_indexes => false
            );
        END LOOP;
    END IF;
END $$;

DO $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        ALTER TABLE bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'instrument_id, timeframe',
            timescaledb.compress_orderby = 'time DESC, id');
        ALTER TABLE features SET (timescaledb.compress, timescaledb.compress_segmentby = 'instrument_id, timeframe',
            timescaledb.compress_orderby = 'time DESC, id');
        PERFORM add_compression_policy('bars', interval '30 days');
        PERFORM add_compression_policy('features', interval '30 days');
        PERFORM add_retention_policy('books', interval '7 days');
        PERFORM add_retention_policy('dead_letters', interval '180 days');
    END IF;
EXCEPTION WHEN feature_not_supported THEN
    RAISE WARNING 'TimescaleDB refused compression or retention: %', SQLERRM;
END $$;
