-- A role for each part, with no more rights than it needs. Once, by a superuser, in the database of Candlewick, before
-- the first `candlewick migrate`: psql -f deploy/roles.sql candlewick. Safe to repeat. Then \password for each login.
DO $$
DECLARE
    name text;
BEGIN
    -- What may be done. The migrations grant it, so that a table of a later version is covered too.
    FOREACH name IN ARRAY ARRAY['candlewick_read', 'candlewick_write', 'candlewick_keys'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    -- Who does it: migrate and keys; the store; the API.
    FOREACH name IN ARRAY ARRAY['candlewick_owner', 'candlewick_store', 'candlewick_api'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
    END LOOP;

    -- Nobody else comes in, and only the owner makes, alters or drops a table.
    EXECUTE format('ALTER DATABASE %I OWNER TO candlewick_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO candlewick_read, candlewick_write', current_database());
    -- TimescaleDB is made here, since that takes a superuser; the migrations find it.
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO candlewick_owner;
GRANT candlewick_write TO candlewick_store;
GRANT candlewick_read, candlewick_keys TO candlewick_api;
