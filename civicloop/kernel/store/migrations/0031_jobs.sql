-- Long work with progress. heartbeat_at is wall time, the other times are the district's.
-- status: waiting, running, done, failed, stopped.
CREATE TABLE jobs (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  arguments TEXT NOT NULL,
  status TEXT NOT NULL,
  done BIGINT NOT NULL DEFAULT 0,
  total BIGINT,
  message TEXT,
  cursor TEXT NOT NULL DEFAULT '',
  started_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  heartbeat_at BIGINT,
  ended_at BIGINT,
  error TEXT,
  runner TEXT,
  runs INTEGER NOT NULL DEFAULT 0,
  stop_requested INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE INDEX jobs_open ON jobs (district, status, created_at) WHERE status IN ('waiting', 'running');
CREATE INDEX jobs_recent ON jobs (district, created_at);

CREATE TABLE schedules (
  district TEXT NOT NULL,
  name TEXT NOT NULL,
  job TEXT NOT NULL,
  arguments TEXT NOT NULL,
  rule TEXT NOT NULL,
  next_at BIGINT NOT NULL,
  last_job_id TEXT,
  PRIMARY KEY (district, name)
){without_rowid};
