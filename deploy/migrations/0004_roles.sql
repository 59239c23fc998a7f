-- Two group roles without a login: GRANT candlewick_read TO a researcher, candlewick_write TO the store's own role.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['candlewick_read', 'candlewick_write'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server has made it
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % is missing and this role may not create it: nothing is granted to it', role;
        END;
    END LOOP;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON
            instruments, bars, features, books, candidates, signals, outcomes, gaps, drift, dead_letters, model_events,
            reviews, stream_offsets, schema_migrations, bars_latest, bars_daily, feature_values, features_wide,
            candidates_daily, signals_daily, gaps_hourly
        TO candlewick_read;
    END IF;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_write') THEN
        GRANT SELECT, INSERT ON
            instruments, bars, features, books, candidates, signals, outcomes, gaps, drift, dead_letters, model_events,
            reviews, stream_offsets
        TO candlewick_write;
        GRANT UPDATE ON instruments, stream_offsets TO candlewick_write;
        GRANT SELECT ON schema_migrations TO candlewick_write;
        GRANT EXECUTE ON FUNCTION refresh_features_wide TO candlewick_write;
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO candlewick_write', current_database());
    END IF;
END $$;
