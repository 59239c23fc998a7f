-- features.context: one row for each vector of a member of the desk, with what only the desk can know at that close.
CREATE TABLE contexts (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_close)),
    instrument_id text NOT NULL,
    timeframe     text NOT NULL,
    ts_close      bigint NOT NULL,
    ts_decided    bigint NOT NULL,
    schema_hash   text NOT NULL,
    features      jsonb NOT NULL,
    tainted       jsonb NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX contexts_by_instrument ON contexts (instrument_id, timeframe, time DESC);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('contexts', by_range('time', interval '7 days'), create_default_indexes => false);
    END IF;
END $$;

DO $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        ALTER TABLE contexts SET (timescaledb.compress, timescaledb.compress_segmentby = 'instrument_id, timeframe',
            timescaledb.compress_orderby = 'time DESC, id');
        PERFORM add_compression_policy('contexts', interval '30 days');
    END IF;
EXCEPTION WHEN feature_not_supported THEN
    RAISE WARNING 'TimescaleDB refused compression: %', SQLERRM;
END $$;

-- What a strategy sees: each vector with its context, if it has one. It is known from ts_decided on.
CREATE VIEW vectors AS
SELECT f.time, f.instrument_id, f.timeframe, f.ts_close, greatest(f.ts_decided, c.ts_decided) AS ts_decided,
       f.schema_hash, c.schema_hash AS context_hash, f.features || coalesce(c.features, '{}') AS features,
       f.tainted || coalesce(c.tainted, '{}') AS tainted, f.bid, f.ask
FROM features AS f LEFT JOIN contexts AS c USING (instrument_id, timeframe, time)
WHERE f.features IS NOT NULL;

-- One row a feature, those of the context among them.
CREATE OR REPLACE VIEW feature_values AS
SELECT f.time, f.instrument_id, f.timeframe, f.ts_close, f.ts_decided, f.schema_hash,
       v.key AS feature, v.value::double precision AS value, f.tainted ->> v.key AS taint
FROM (
    SELECT time, instrument_id, timeframe, ts_close, ts_decided, schema_hash, features, tainted FROM features
    UNION ALL
    SELECT time, instrument_id, timeframe, ts_close, ts_decided, schema_hash, features, tainted FROM contexts
) AS f CROSS JOIN LATERAL jsonb_each_text(f.features) AS v;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON contexts, vectors TO candlewick_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_write') THEN
        GRANT SELECT, INSERT ON contexts TO candlewick_write;
    END IF;
END $$;
