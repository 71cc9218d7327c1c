-- The chain's head, one row a district: read once a transaction, written once a transaction.
CREATE TABLE chain_heads (
  district TEXT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL,
  reference_version BIGINT NOT NULL DEFAULT 0
){without_rowid};

-- The canonical text of every released process version.
CREATE TABLE process_versions (
  process TEXT NOT NULL,
  version BIGINT NOT NULL,
  declaration TEXT NOT NULL,
  PRIMARY KEY (process, version)
){without_rowid};

-- Every move a process version declares; the empty state is "not yet opened".
CREATE TABLE moves (
  process TEXT NOT NULL,
  version BIGINT NOT NULL,
  from_state TEXT NOT NULL,
  action TEXT NOT NULL,
  to_state TEXT NOT NULL,
  remembered INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (process, version, from_state, action, to_state)
){without_rowid};

CREATE TABLE history (
  district TEXT NOT NULL,
  seq BIGINT NOT NULL,
  case_id TEXT NOT NULL,
  process TEXT NOT NULL,
  version BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  action TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  via TEXT NOT NULL,
  happened_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  given TEXT NOT NULL,
  cause TEXT NOT NULL,
  request_key TEXT,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (district, seq)
){without_rowid};
CREATE INDEX history_case ON history (district, case_id, seq);
CREATE UNIQUE INDEX history_request ON history (district, request_key) WHERE request_key IS NOT NULL;

CREATE TABLE cases (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  number TEXT NOT NULL,
  process TEXT NOT NULL,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  previous_state TEXT NOT NULL,
  last_action TEXT NOT NULL,
  revision BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  kind TEXT NOT NULL,
  scheme TEXT NOT NULL,
  title TEXT NOT NULL,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  street TEXT NOT NULL,
  community TEXT NOT NULL,
  cell TEXT NOT NULL,
  unit TEXT NOT NULL,
  holder TEXT NOT NULL,
  priority INTEGER NOT NULL,
  source TEXT NOT NULL,
  parent_id TEXT,
  master_id TEXT,
  first_seen_at BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  closed_at BIGINT,
  ended_at BIGINT,
  due_at BIGINT,
  breaches INTEGER NOT NULL,
  reworks INTEGER NOT NULL,
  reports INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX cases_number ON cases (district, number);
CREATE INDEX cases_seq ON cases (district, seq);
CREATE INDEX cases_open ON cases (district, process, state, due_at, id) WHERE ended_at IS NULL;
CREATE INDEX cases_unit ON cases (district, unit, state, due_at, id) WHERE ended_at IS NULL AND unit <> '';
CREATE INDEX cases_parent ON cases (district, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX cases_master ON cases (district, master_id) WHERE master_id IS NOT NULL;

CREATE TABLE clocks (
  district TEXT NOT NULL,
  case_id TEXT NOT NULL,
  name TEXT NOT NULL,
  step TEXT NOT NULL,
  run INTEGER NOT NULL,
  status TEXT NOT NULL,
  amount BIGINT NOT NULL,
  unit TEXT NOT NULL,
  calendar TEXT NOT NULL,
  rule TEXT NOT NULL,
  provisional INTEGER NOT NULL,
  started_at BIGINT NOT NULL,
  due_at BIGINT,
  remaining BIGINT,
  paused_at BIGINT,
  stopped_at BIGINT,
  breached_at BIGINT,
  PRIMARY KEY (district, case_id, name, step, run)
){without_rowid};
CREATE INDEX clocks_due ON clocks (district, due_at) WHERE status = 'running' AND breached_at IS NULL;

-- A report is what somebody told us; many may be linked to one case.
CREATE TABLE reports (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  tracking_code TEXT NOT NULL,
  channel TEXT NOT NULL,
  external_id TEXT,
  kind TEXT NOT NULL,
  description TEXT NOT NULL,
  address TEXT NOT NULL,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  media TEXT NOT NULL,
  subject TEXT NOT NULL,
  consent INTEGER NOT NULL,
  happened_at BIGINT NOT NULL,
  arrived_at BIGINT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX reports_tracking ON reports (district, tracking_code);
CREATE UNIQUE INDEX reports_external ON reports (district, channel, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE report_links (
  district TEXT NOT NULL,
  report_id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  linked INTEGER NOT NULL,
  PRIMARY KEY (district, report_id, seq, case_id)
){without_rowid};
CREATE INDEX report_links_case ON report_links (district, case_id, seq);
