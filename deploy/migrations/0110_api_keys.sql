-- Who may ask the API. A key is kept as its hash alone: who reads this table cannot ask with it.
CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    role       text NOT NULL CHECK (role IN ('read', 'review', 'admin')),
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- Who did what. Written by triggers with their owner's rights, so that no way around `candlewick keys` goes unnoted.
CREATE TABLE audit (
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    detail  text NOT NULL
);
CREATE INDEX audit_by_time ON audit (at DESC);

CREATE FUNCTION note_api_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    key api_keys := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    INSERT INTO audit (actor, action, subject, detail) VALUES (
        session_user,
        CASE TG_OP WHEN 'INSERT' THEN 'key added' WHEN 'DELETE' THEN 'key deleted'
            ELSE CASE WHEN OLD.revoked_at IS DISTINCT FROM NEW.revoked_at THEN 'key revoked' ELSE 'key changed' END END,
        key.id,
        format('%s, %s, expires %s', key.name, key.role, coalesce(key.expires_at::text, 'never'))
    );
    RETURN NULL;
END $$;

CREATE TRIGGER note_api_key AFTER INSERT OR UPDATE OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION note_api_key();

-- A third group role beside candlewick_read and candlewick_write: with candlewick_read, what the API needs.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION note_api_key SET search_path = %I, pg_temp', current_schema());
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_keys') THEN
        BEGIN
            CREATE ROLE candlewick_keys NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server has just made it
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role candlewick_keys is missing and this role may not create it: it is granted nothing';
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlewick_keys') THEN
        GRANT SELECT ON api_keys TO candlewick_keys;
    END IF;
END $$;
