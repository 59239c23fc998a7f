-- Who may only read holds up no signal: anybody who may connect can take an advisory lock, and keep it. Whoever notes a
-- signal now locks a table that is there for this alone, on which nobody but its owner has a right; it has no rows, so
-- that no vacuum ever needs it. As before, the number is drawn under a lock held until commit.
CREATE TABLE signal_turn ();

LOCK TABLE signals IN SHARE ROW EXCLUSIVE MODE; -- whoever still writes under the old lock ends first

CREATE OR REPLACE FUNCTION note_signal_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    LOCK TABLE signal_turn IN EXCLUSIVE MODE;
    INSERT INTO signal_order (signal_id, time) VALUES (NEW.id, NEW.time) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION note_signal_order SET search_path = %I, pg_temp', current_schema());
END $$;
