-- One index instead of two for the tables with most rows: upkeep of both was half of what storing a row cost the server.
--
-- An identifier is derived from its row's instrument, timeframe and time (of drift from the feature too), so a row is as
-- unique by all of these as by the identifier alone, and rows of an instrument are found by their beginning, forwards and
-- backwards. No query looks for one of these rows by its identifier only. Rows come in the order of time, so they go to
-- few places of such an index; by the identifier, which is as good as random, they went all over it.
--
-- The server builds each index anew and keeps the table locked meanwhile. Where it refuses to (TimescaleDB does so for
-- tables whose old chunks it compresses), the table keeps the two that it has: slower, and as right.
DO $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT * FROM (VALUES
            ('books', 'books', 'instrument_id, time, id'),
            ('levels', 'levels', 'instrument_id, time, id'),
            ('bars', 'bars', 'instrument_id, timeframe, time, id'),
            ('features_packed', 'features', 'instrument_id, timeframe, time, id'),
            ('contexts_packed', 'contexts', 'instrument_id, timeframe, time, id'),
            ('drift', 'drift', 'instrument_id, timeframe, feature, time, id')
        ) AS wanted (relation, name, key)
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', target.relation, target.name || '_pkey');
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (%s)',
                target.relation, target.name || '_pkey', target.key);
            EXECUTE format('DROP INDEX %I', target.name || '_by_instrument');
        EXCEPTION WHEN feature_not_supported THEN
            RAISE WARNING '% keeps two indexes: %', target.relation, SQLERRM;
        END;
    END LOOP;
END $$;
