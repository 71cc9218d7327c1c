-- What is still to be done outside, written in the transaction that wants it done.
-- due_at orders the messages of a case and never moves; next_try_at moves with each failure.
-- leased_until is wall time, the other times are the district's.
CREATE TABLE outbox (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  topic TEXT NOT NULL,
  dedupe_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  case_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  next_try_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  leased_until BIGINT,
  lease_owner TEXT,
  done_at BIGINT,
  last_error TEXT,
  undeliverable_at BIGINT,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX outbox_dedupe ON outbox (district, dedupe_key);
CREATE INDEX outbox_open ON outbox (district, next_try_at, id) WHERE done_at IS NULL AND undeliverable_at IS NULL;
CREATE INDEX outbox_case ON outbox (district, case_id, due_at, id)
  WHERE done_at IS NULL AND undeliverable_at IS NULL AND case_id <> '';
CREATE INDEX outbox_undeliverable ON outbox (district, undeliverable_at) WHERE undeliverable_at IS NOT NULL;

-- What the sandbox ports took instead of sending it, for a page to show.
CREATE TABLE sent_messages (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  port TEXT NOT NULL,
  dedupe_key TEXT NOT NULL,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  case_id TEXT NOT NULL,
  data TEXT NOT NULL,
  sent_at BIGINT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX sent_messages_dedupe ON sent_messages (district, port, dedupe_key);
CREATE INDEX sent_messages_time ON sent_messages (district, sent_at);
CREATE INDEX sent_messages_case ON sent_messages (district, case_id, sent_at) WHERE case_id <> '';
