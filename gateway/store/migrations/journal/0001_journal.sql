-- The journal and what is computed from it. Times are UTC microseconds.

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    contact TEXT,
    kind TEXT NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX events_contact ON events (contact) WHERE contact IS NOT NULL;

-- The only place of callers' numbers and names. Erasing empties the row and keeps its id.
CREATE TABLE persons (
    id TEXT PRIMARY KEY,
    number TEXT,
    name TEXT,
    erased INTEGER
) WITHOUT ROWID;

-- One row per contact, written when it opens and when it closes. Ids rise with time.
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    number TEXT,
    trunk TEXT NOT NULL,
    person TEXT NOT NULL,
    business_date TEXT NOT NULL,
    bands TEXT NOT NULL,
    flow TEXT,
    flow_version TEXT,
    opened_at INTEGER NOT NULL,
    connected_at INTEGER,
    closed_at INTEGER,
    end TEXT,
    why TEXT,
    sip_status INTEGER,
    queue TEXT,
    agent TEXT,
    path TEXT NOT NULL,
    offers TEXT NOT NULL,
    dropped INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX contacts_open ON contacts (id) WHERE closed_at IS NULL;
CREATE INDEX contacts_date ON contacts (business_date);

CREATE TABLE contact_queues (
    contact TEXT NOT NULL,
    visit INTEGER NOT NULL,
    queue TEXT NOT NULL,
    entered_at INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    left_at INTEGER,
    exit TEXT,
    why TEXT,
    wait_us INTEGER NOT NULL,
    agent TEXT,
    PRIMARY KEY (contact, visit)
) WITHOUT ROWID;

CREATE TABLE segments (
    contact TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    agent TEXT,
    queue TEXT,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (contact, number)
) WITHOUT ROWID;

CREATE TABLE recordings (
    contact TEXT NOT NULL,
    segment TEXT NOT NULL,
    path TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    length_ms INTEGER,
    repaired INTEGER NOT NULL,
    failed TEXT,
    PRIMARY KEY (contact, segment)
) WITHOUT ROWID;
CREATE INDEX recordings_unsealed ON recordings (contact) WHERE length_ms IS NULL AND failed IS NULL;

-- Counters by business date, beginning of the quarter of an hour, and scope; `counts` is a JSON object of those that
-- are not zero, so that json_extract(counts, '$.offered') sums up in SQL.
CREATE TABLE counters (
    business_date TEXT NOT NULL,
    interval INTEGER NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (business_date, interval, scope, key)
) WITHOUT ROWID;

-- The agents' states as of the last event.
CREATE TABLE agent_clocks (
    agent TEXT PRIMARY KEY,
    clock TEXT NOT NULL
) WITHOUT ROWID;

-- What is still to be told to other systems, in order.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    sink TEXT NOT NULL,
    contact TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);

-- People and secrets.
CREATE TABLE agents (
    slug TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    extension TEXT,
    ha1_md5 TEXT NOT NULL,
    ha1_sha256 TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    login TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    hash TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
    sha256 BLOB PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    user TEXT NOT NULL REFERENCES users (login) ON DELETE CASCADE,
    rights TEXT NOT NULL,
    label TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    once INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE roster (
    band TEXT NOT NULL,
    agent TEXT NOT NULL,
    days INTEGER NOT NULL,
    PRIMARY KEY (band, agent)
) WITHOUT ROWID;

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- A whole transaction is written as one INSERT into this view: `t` says which table a row is for. One statement is one
-- trip to the database's thread, and atomic by itself.
CREATE VIEW batch AS SELECT NULL AS t, NULL AS c1, NULL AS c2, NULL AS c3, NULL AS c4, NULL AS c5, NULL AS c6, NULL AS c7, NULL AS c8, NULL AS c9, NULL AS c10, NULL AS c11, NULL AS c12, NULL AS c13, NULL AS c14, NULL AS c15, NULL AS c16, NULL AS c17, NULL AS c18, NULL AS c19, NULL AS c20, NULL AS c21 WHERE 0;
CREATE TRIGGER batch_events INSTEAD OF INSERT ON batch WHEN NEW.t = 1 BEGIN
    INSERT INTO events (seq, at, contact, kind, json)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5);
END;
CREATE TRIGGER batch_persons INSTEAD OF INSERT ON batch WHEN NEW.t = 2 BEGIN
    INSERT INTO persons (id, number, name)
    VALUES (NEW.c1, NEW.c2, NEW.c3)
    ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name WHERE erased IS NULL;
END;
CREATE TRIGGER batch_contacts INSTEAD OF INSERT ON batch WHEN NEW.t = 3 BEGIN
    INSERT OR REPLACE INTO contacts (id, first_seq, last_seq, number, trunk, person, business_date, bands, flow,
        flow_version, opened_at, connected_at, closed_at, end, why, sip_status, queue, agent, path, offers, dropped)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7, NEW.c8, NEW.c9, NEW.c10, NEW.c11, NEW.c12, NEW.c13, NEW.c14, NEW.c15, NEW.c16, NEW.c17, NEW.c18, NEW.c19, NEW.c20, NEW.c21);
END;
CREATE TRIGGER batch_queues INSTEAD OF INSERT ON batch WHEN NEW.t = 4 BEGIN
    INSERT OR REPLACE INTO contact_queues (contact, visit, queue, entered_at, enqueued_at, left_at, exit, why,
        wait_us, agent)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7, NEW.c8, NEW.c9, NEW.c10);
END;
CREATE TRIGGER batch_segments INSTEAD OF INSERT ON batch WHEN NEW.t = 5 BEGIN
    INSERT OR REPLACE INTO segments (contact, number, id, kind, agent, queue, opened_at, closed_at)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7, NEW.c8);
END;
CREATE TRIGGER batch_recordings INSTEAD OF INSERT ON batch WHEN NEW.t = 6 BEGIN
    INSERT INTO recordings (contact, segment, path, started_at, length_ms, repaired, failed)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7)
    ON CONFLICT (contact, segment) DO UPDATE SET path = excluded.path, length_ms = excluded.length_ms,
        repaired = excluded.repaired, failed = excluded.failed;
END;
CREATE TRIGGER batch_counters INSTEAD OF INSERT ON batch WHEN NEW.t = 7 BEGIN
    INSERT OR REPLACE INTO counters (business_date, interval, scope, key, counts)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5);
END;
CREATE TRIGGER batch_clocks INSTEAD OF INSERT ON batch WHEN NEW.t = 8 BEGIN
    INSERT OR REPLACE INTO agent_clocks (agent, clock)
    VALUES (NEW.c1, NEW.c2);
END;
CREATE TRIGGER batch_outbox INSTEAD OF INSERT ON batch WHEN NEW.t = 9 BEGIN
    INSERT INTO outbox (id, sink, contact, kind, payload)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5);
END;
CREATE TRIGGER batch_delivered INSTEAD OF INSERT ON batch WHEN NEW.t = 10 BEGIN
    DELETE FROM outbox WHERE id <= NEW.c1;
END;
