-- Every table is one record type of schemas/*.py; a column has the name of its field.
--
-- Times. Columns ts_* (and horizon, expiry, funding_interval) are exact integer nanoseconds UTC: equality is theirs.
-- Column time is the same instant for people and for TimescaleDB, in whole microseconds (a timestamptz holds no more).
-- It is the instant at which the row could first be known: the close of a bar, not its opening, so that joining rows
-- of equal time never looks ahead. stored_at is the wall clock of the storing and outside any equality.
--
-- Keys. An identifier is derived from what a row is about, so it is the key; a unique index of a hypertable must hold
-- its time column, hence (id, time) everywhere.

CREATE TABLE schema_migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION ns_to_time(ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN timestamptz '1970-01-01 00:00:00+00' + (ns / 1000) * interval '1 microsecond';

CREATE FUNCTION time_to_ns(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (extract(epoch FROM at) * 1000000000)::bigint;

-- reference.instruments: the newest definition of each instrument.
CREATE TABLE instruments (
    instrument_id       text PRIMARY KEY,
    ts_event            bigint NOT NULL,
    ts_received         bigint NOT NULL,
    kind                text NOT NULL,
    base                text NOT NULL,
    quote               text NOT NULL,
    settle              text,
    tick_size           double precision,
    lot_size            double precision,
    contract_multiplier double precision NOT NULL,
    inverse             boolean NOT NULL,
    funding_interval    bigint,
    expiry              bigint,
    status              text NOT NULL,
    taker_fee           double precision,
    stored_at           timestamptz NOT NULL DEFAULT now()
);

-- features.bars: revision 0 is what decisions were made on, later ones add trades that came late.
CREATE TABLE bars (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_close)),
    instrument_id text NOT NULL,
    timeframe     text NOT NULL,
    ts_open       bigint NOT NULL,
    ts_close      bigint NOT NULL,
    ts_decided    bigint NOT NULL,
    revision      integer NOT NULL,
    open          double precision NOT NULL,
    high          double precision NOT NULL,
    low           double precision NOT NULL,
    close         double precision NOT NULL,
    volume        double precision NOT NULL,
    notional      double precision NOT NULL,
    trades        bigint NOT NULL,
    buy_volume    double precision NOT NULL,
    sell_volume   double precision NOT NULL,
    bid_first     double precision,
    bid_low       double precision,
    bid_high      double precision,
    bid_last      double precision,
    ask_first     double precision,
    ask_low       double precision,
    ask_high      double precision,
    ask_last      double precision,
    origin        text NOT NULL,
    quality       text[] NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX bars_by_instrument ON bars (instrument_id, timeframe, time DESC, revision DESC);

-- features.vectors: one row an instrument, timeframe and close. An absence has no features and says why in reason.
CREATE TABLE features (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_close)),
    instrument_id text NOT NULL,
    timeframe     text NOT NULL,
    ts_close      bigint NOT NULL,
    ts_decided    bigint NOT NULL,
    schema_hash   text,
    features      jsonb,
    tainted       jsonb,
    bid           double precision,
    ask           double precision,
    reason        text,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time),
    CHECK ((features IS NULL) = (reason IS NOT NULL))
);
CREATE INDEX features_by_instrument ON features (instrument_id, timeframe, time DESC);

-- features.books: the best levels about once a second.
CREATE TABLE books (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_event)),
    instrument_id text NOT NULL,
    ts_event      bigint NOT NULL,
    bid_prices    double precision[] NOT NULL,
    bid_sizes     double precision[] NOT NULL,
    ask_prices    double precision[] NOT NULL,
    ask_sizes     double precision[] NOT NULL,
    imbalance     double precision,
    stale         boolean NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX books_by_instrument ON books (instrument_id, time DESC);

-- signals.candidates: all that the strategies proposed, the vetoed with their reasons.
CREATE TABLE candidates (
    id               uuid NOT NULL,
    time             timestamptz NOT NULL CHECK (time = ns_to_time(ts_event)),
    instrument_id    text NOT NULL,
    timeframe        text NOT NULL,
    strategy         text NOT NULL,
    strategy_version text NOT NULL,
    direction        text NOT NULL,
    confidence       double precision NOT NULL,
    calibrated       boolean NOT NULL,
    horizon          bigint NOT NULL,
    entry_low        double precision NOT NULL,
    entry_high       double precision NOT NULL,
    stop             double precision NOT NULL,
    targets          double precision[] NOT NULL,
    risk_reward      double precision NOT NULL,
    size             double precision,
    ts_event         bigint NOT NULL,
    ts_decided       bigint NOT NULL,
    expiry           bigint NOT NULL,
    key_factors      jsonb NOT NULL,
    explanation      text NOT NULL,
    models           jsonb NOT NULL,
    schema_hash      text NOT NULL,
    quality          text[] NOT NULL,
    bid              double precision NOT NULL,
    ask              double precision NOT NULL,
    status           text NOT NULL,
    vetoes           text[] NOT NULL,
    stored_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX candidates_by_time ON candidates (time DESC, id DESC);
CREATE INDEX candidates_by_instrument ON candidates (instrument_id, time DESC, id DESC);

-- signals.published: what an execution desk consumes. Same columns; a signal has the identifier of its candidate.
CREATE TABLE signals (LIKE candidates INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id, time));
CREATE INDEX signals_by_time ON signals (time DESC, id DESC);
CREATE INDEX signals_by_instrument ON signals (instrument_id, time DESC, id DESC);

-- signals.outcomes: what became of a signal, a row a change of status.
CREATE TABLE outcomes (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_event)),
    signal_id     uuid NOT NULL,
    instrument_id text NOT NULL,
    status        text NOT NULL,
    ts_event      bigint NOT NULL,
    price         double precision,
    gross_return  double precision,
    fees          double precision,
    slippage      double precision,
    funding       double precision,
    net_return    double precision,
    theoretical   boolean NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX outcomes_by_signal ON outcomes (signal_id, time);
CREATE INDEX outcomes_by_instrument ON outcomes (instrument_id, time DESC);

-- quality.gaps: the integrity ledger. time is ts_end, the event time of the record that showed the gap.
CREATE TABLE gaps (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_end)),
    instrument_id text NOT NULL,
    kind          text NOT NULL,
    ts_start      bigint NOT NULL,
    ts_end        bigint NOT NULL,
    ts_received   bigint NOT NULL,
    expected      bigint,
    received      bigint,
    count         bigint NOT NULL,
    detail        text NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX gaps_by_time ON gaps (time DESC, id DESC);
CREATE INDEX gaps_by_instrument ON gaps (instrument_id, time DESC, id DESC);

-- quality.drift
CREATE TABLE drift (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL CHECK (time = ns_to_time(ts_close)),
    instrument_id text NOT NULL,
    timeframe     text NOT NULL,
    feature       text NOT NULL,
    ts_close      bigint NOT NULL,
    measure       text NOT NULL,
    value         double precision NOT NULL,
    threshold     double precision,
    alert         boolean NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX drift_by_instrument ON drift (instrument_id, timeframe, feature, time DESC);

-- dead_letters: what the engine or the store could not read, its bytes whole. log_offset is the record's offset
-- (OFFSET is a word of SQL).
CREATE TABLE dead_letters (
    id          uuid NOT NULL,
    time        timestamptz NOT NULL CHECK (time = ns_to_time(ts_received)),
    topic       text NOT NULL,
    partition   integer NOT NULL,
    log_offset  bigint NOT NULL,
    reason      text NOT NULL,
    ts_received bigint NOT NULL,
    key         bytea,
    value       bytea,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX dead_letters_by_place ON dead_letters (topic, partition, log_offset);

-- models.events: the public changelog of models.
CREATE TABLE model_events (
    id        uuid NOT NULL,
    time      timestamptz NOT NULL CHECK (time = ns_to_time(ts_event)),
    model     text NOT NULL,
    version   text NOT NULL,
    event     text NOT NULL,
    ts_event  bigint NOT NULL,
    details   jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, time)
);
CREATE INDEX model_events_by_model ON model_events (model, time DESC);

-- A person's word on a signal, as market.events holds it; a reviewer has one word on a signal at an instant.
CREATE TABLE reviews (
    signal_id   uuid NOT NULL,
    time        timestamptz NOT NULL CHECK (time = ns_to_time(ts_event)),
    reviewer    text NOT NULL,
    decision    text NOT NULL,
    reason      text NOT NULL,
    ts_event    bigint NOT NULL,
    ts_received bigint NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (signal_id, time, reviewer)
);

-- Where the store goes on: written in the transaction of the rows that came before.
CREATE TABLE stream_offsets (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);
