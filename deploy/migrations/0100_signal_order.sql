-- The order in which signals became visible: what a reader follows without losing or doubling one.
--
-- Neither a time nor a bare sequence is that order, as of two transactions the one that drew the lower number may commit
-- last. So the number is drawn under a lock held until commit: whoever sees number n never again meets a new one below.
CREATE TABLE signal_order (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    signal_id uuid NOT NULL UNIQUE,
    time      timestamptz NOT NULL
);

-- With its owner's rights, so that whoever may insert a signal needs no more; its search path is pinned therefore.
CREATE FUNCTION note_signal_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('signal_order', 0));
    INSERT INTO signal_order (signal_id, time) VALUES (NEW.id, NEW.time) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER note_signal_order AFTER INSERT ON signals FOR EACH ROW EXECUTE FUNCTION note_signal_order();

INSERT INTO signal_order (signal_id, time) SELECT id, time FROM signals ORDER BY time, id ON CONFLICT DO NOTHING;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION note_signal_order SET search_path = %I, pg_temp', current_schema());
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_read') THEN
        GRANT SELECT ON signal_order TO candlewick_read;
    END IF;
END $$;
