-- features.levels: estimated liquidation levels by price, every five minutes, of instruments with open interest.
CREATE TABLE levels (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_close)),
    instrument_id text NOT NULL,
    ts_close      bigint NOT NULL,
    ts_decided    bigint NOT NULL,
    price         double precision NOT NULL,
    open_interest double precision NOT NULL,
    lowest        double precision NOT NULL,
    width         double precision NOT NULL,
    shares        double precision[] NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX levels_by_instrument ON levels (instrument_id, time DESC);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('levels', by_range('time', interval '7 days'), create_default_indexes => false);
    END IF;
END $$;

DO $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        ALTER TABLE levels SET (timescaledb.compress, timescaledb.compress_segmentby = 'instrument_id',
            timescaledb.compress_orderby = 'time DESC, id');
        PERFORM add_compression_policy('levels', interval '30 days');
        PERFORM add_retention_policy('levels', interval '180 days');
    END IF;
EXCEPTION WHEN feature_not_supported THEN
    RAISE WARNING 'TimescaleDB refused compression or retention: %', SQLERRM;
END $$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON levels TO candlewick_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_write') THEN
        GRANT SELECT, INSERT ON levels TO candlewick_write;
    END IF;
END $$;
