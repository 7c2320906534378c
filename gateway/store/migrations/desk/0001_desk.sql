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

-- A whole transaction is written as one INSERT into this view: `t` says which table a row is for. One statement is one
-- trip to the database's thread, and atomic by itself.
CREATE VIEW batch AS SELECT NULL AS t, NULL AS c1, NULL AS c2, NULL AS c3, NULL AS c4, NULL AS c5, NULL AS c6, NULL AS c7, NULL AS c8, NULL AS c9, NULL AS c10, NULL AS c11, NULL AS c12, NULL AS c13, NULL AS c14, NULL AS c15, NULL AS c16, NULL AS c17, NULL AS c18, NULL AS c19, NULL AS c20, NULL AS c21 WHERE 0;
CREATE TRIGGER batch_screen_pops INSTEAD OF INSERT ON batch WHEN NEW.t = 1 BEGIN
    INSERT OR REPLACE INTO screen_pops (offer_id, contact_id, agent, queue, access_number, caller_number,
        caller_name, waited_ms, path, created_at)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7, NEW.c8, NEW.c9, NEW.c10);
END;
CREATE TRIGGER batch_contacts INSTEAD OF INSERT ON batch WHEN NEW.t = 2 BEGIN
    INSERT OR REPLACE INTO contacts (contact_id, access_number, trunk, caller_number, caller_name, business_date,
        opened_at, connected_at, closed_at, end_cause, end_why, sip_status, queue, agent, waited_ms, talked_ms, path,
        queues)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6, NEW.c7, NEW.c8, NEW.c9, NEW.c10, NEW.c11, NEW.c12, NEW.c13, NEW.c14, NEW.c15, NEW.c16, NEW.c17, NEW.c18);
END;
CREATE TRIGGER batch_recordings INSTEAD OF INSERT ON batch WHEN NEW.t = 3 BEGIN
    INSERT OR REPLACE INTO recordings (segment_id, contact_id, path, length_ms, repaired, failed)
    VALUES (NEW.c1, NEW.c2, NEW.c3, NEW.c4, NEW.c5, NEW.c6);
END;
