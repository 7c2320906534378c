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
