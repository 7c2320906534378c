-- The embedded service desk's view of the hotline. Every id is made by the gateway, so a repeat overwrites itself.
-- Times are UTC microseconds.

CREATE TABLE screen_pops (
    offer_id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    queue TEXT NOT NULL,
    access_number TEXT,
    caller_number TEXT,
    caller_name TEXT,
    waited_ms INTEGER NOT NULL,
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX screen_pops_contact ON screen_pops (contact_id);

CREATE TABLE contacts (
    contact_id TEXT PRIMARY KEY,
    access_number TEXT,
    trunk TEXT NOT NULL,
    caller_number TEXT,
    caller_name TEXT,
    business_date TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    connected_at INTEGER,
    closed_at INTEGER NOT NULL,
    end_cause TEXT NOT NULL,
    end_why TEXT,
    sip_status INTEGER,
    queue TEXT,
    agent TEXT,
    waited_ms INTEGER NOT NULL,
    talked_ms INTEGER NOT NULL,
    path TEXT NOT NULL,
    queues TEXT NOT NULL
);

CREATE TABLE recordings (
    segment_id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL,
    path TEXT NOT NULL,
    length_ms INTEGER,
    repaired INTEGER NOT NULL,
    failed TEXT
);
CREATE INDEX recordings_contact ON recordings (contact_id);
