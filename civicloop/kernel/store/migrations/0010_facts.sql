-- Without statistics SQLite prefers the primary key's first column to a longer index that does not cover the
-- query, so the indexes below hold every column that their query asks for.

-- Dated reference data: limits, prices, rules, calendars. A correction is a new row with a later known_from;
-- version is the district's reference_version that brought the row, so that a process loads only what is new.
CREATE TABLE reference (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  set_name TEXT NOT NULL,
  code TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_to BIGINT CHECK (valid_to IS NULL OR valid_to >= valid_from),
  known_from BIGINT NOT NULL,
  data TEXT NOT NULL,
  source TEXT NOT NULL,
  status TEXT NOT NULL
    CHECK (status IN ('official', 'second_hand', 'from_memory', 'unverified', 'synthetic', 'derived')),
  recorded_by TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE INDEX reference_version ON reference (district, version);

-- Registers: dated entities. The row is the thing itself; what is said about it are its facts.
CREATE TABLE entities (
  district TEXT NOT NULL,
  register TEXT NOT NULL,
  id TEXT NOT NULL,
  legal_id TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (district, register, id)
){without_rowid};
CREATE UNIQUE INDEX entities_legal ON entities (district, register, legal_id) WHERE legal_id IS NOT NULL;

CREATE TABLE entity_facts (
  district TEXT NOT NULL,
  register TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  attribute TEXT NOT NULL,
  source TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  known_from BIGINT NOT NULL,
  valid_to BIGINT CHECK (valid_to IS NULL OR valid_to >= valid_from),
  value TEXT NOT NULL,
  recorded_by TEXT NOT NULL,
  PRIMARY KEY (district, register, entity_id, attribute, source, valid_from, known_from)
){without_rowid};

-- A duplicate points to the entity it is one with; the newest row of an entity holds, undoing is a new row.
CREATE TABLE entity_merges (
  district TEXT NOT NULL,
  register TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  into_id TEXT NOT NULL,
  merged INTEGER NOT NULL,
  recorded_at BIGINT NOT NULL,
  recorded_by TEXT NOT NULL,
  PRIMARY KEY (district, register, entity_id, number)
){without_rowid};
CREATE INDEX entity_merges_into ON entity_merges
  (district, register, into_id, entity_id, number, merged, recorded_at);

-- Every name an entity ever had, by 2-grams.
CREATE TABLE entity_grams (
  district TEXT NOT NULL,
  register TEXT NOT NULL,
  gram TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  PRIMARY KEY (district, register, gram, entity_id)
){without_rowid};

-- What comes from outside. The same thing twice has the same identity and adds nothing; a retraction is a row
-- whose retracts is the identity of the one taken back, and may come first.
CREATE TABLE observations (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  identity_hash TEXT NOT NULL,
  happened_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  payload TEXT NOT NULL,
  retracts TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX observations_identity ON observations (district, identity_hash);
CREATE INDEX observations_subject ON observations (district, subject, happened_at) WHERE subject <> '';
CREATE INDEX observations_retracts ON observations (district, retracts) WHERE retracts <> '';

CREATE TABLE observation_links (
  district TEXT NOT NULL,
  observation_id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  linked INTEGER NOT NULL,
  linked_at BIGINT NOT NULL,
  linked_by TEXT NOT NULL,
  PRIMARY KEY (district, observation_id, case_id, number)
){without_rowid};
CREATE INDEX observation_links_case ON observation_links
  (district, case_id, observation_id, number, linked, linked_at);
