-- A natural person; several accounts may belong to one, and separation of duty compares persons.
CREATE TABLE persons (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  name_en TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};

-- An empty password_hash means that no password opens the account; demo accounts open in demo mode only.
CREATE TABLE accounts (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  login TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  must_change INTEGER NOT NULL,
  mobile TEXT,
  demo INTEGER NOT NULL,
  made_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  disabled_at BIGINT,
  disabled_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (district, id)
){without_rowid};
CREATE UNIQUE INDEX accounts_login ON accounts (district, login);
CREATE UNIQUE INDEX accounts_mobile ON accounts (district, mobile) WHERE mobile IS NOT NULL;
CREATE INDEX accounts_person ON accounts (district, person_id);

-- A role in a scope; it is ended, never deleted, so that it can be told who held it when.
CREATE TABLE role_grants (
  district TEXT NOT NULL,
  account_id TEXT NOT NULL,
  role TEXT NOT NULL,
  scope_kind TEXT NOT NULL,
  scope_code TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_to BIGINT,
  granted_by TEXT NOT NULL,
  ended_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (district, account_id, role, scope_kind, scope_code, valid_from)
){without_rowid};

-- Only the hash of a token is kept. delegation_id names the delegation the session acts under, if any.
CREATE TABLE sessions (
  district TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  delegation_id TEXT NOT NULL DEFAULT '',
  made_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  idle_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  agent TEXT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (district, token_hash)
){without_rowid};
CREATE INDEX sessions_account ON sessions (district, account_id);
CREATE INDEX sessions_expired ON sessions (district, expires_at);

-- Tries at a door, by account and by address (both hashed), in a window.
CREATE TABLE tries (
  district TEXT NOT NULL,
  door TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (district, door)
){without_rowid};
CREATE INDEX tries_started ON tries (district, started_at);

-- One open code a mobile number (hashed); the code itself is kept as a salted hash.
CREATE TABLE mobile_codes (
  district TEXT NOT NULL,
  mobile_hash TEXT NOT NULL,
  salt TEXT NOT NULL,
  code_hash TEXT NOT NULL,
  tries INTEGER NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (district, mobile_hash)
){without_rowid};
CREATE INDEX mobile_codes_expired ON mobile_codes (district, expires_at);

CREATE TABLE api_keys (
  district TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  prefix TEXT NOT NULL,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  demo INTEGER NOT NULL,
  made_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  expires_at BIGINT,
  used_at BIGINT,
  revoked_at BIGINT,
  PRIMARY KEY (district, key_hash)
){without_rowid};
CREATE UNIQUE INDEX api_keys_id ON api_keys (district, id);
CREATE INDEX api_keys_account ON api_keys (district, account_id);

-- Who read whose personal data, and why.
CREATE TABLE audit_reads (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  read_at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  account_id TEXT NOT NULL,
  via TEXT NOT NULL,
  subject TEXT NOT NULL,
  purpose TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE INDEX audit_reads_subject ON audit_reads (district, subject, read_at);
CREATE INDEX audit_reads_actor ON audit_reads (district, actor, read_at);

-- A staff member's identity at an OpenID provider, bound to an account when it was first seen.
CREATE TABLE outside_identities (
  district TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  account_id TEXT NOT NULL,
  bound_at BIGINT NOT NULL,
  PRIMARY KEY (district, issuer, subject)
){without_rowid};
CREATE INDEX outside_identities_account ON outside_identities (district, account_id);

-- A sign-in that has gone to an OpenID provider and has not come back.
CREATE TABLE oidc_attempts (
  district TEXT NOT NULL,
  state_hash TEXT NOT NULL,
  binding_hash TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  next_page TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (district, state_hash)
){without_rowid};
CREATE INDEX oidc_attempts_expired ON oidc_attempts (district, expires_at);

-- A single-use link: one action on one case, once, by whoever holds it.
CREATE TABLE links (
  district TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  case_id TEXT NOT NULL,
  action TEXT NOT NULL,
  role TEXT NOT NULL,
  person_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  issued_by TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  revoked_at BIGINT,
  PRIMARY KEY (district, token_hash)
){without_rowid};
CREATE INDEX links_case ON links (district, case_id);

-- A tracking code, hashed, and the case its holder may follow.
CREATE TABLE tracking_grants (
  district TEXT NOT NULL,
  code_hash TEXT NOT NULL,
  case_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (district, code_hash, case_id)
){without_rowid};
CREATE INDEX tracking_grants_case ON tracking_grants (district, case_id);

-- Consent given (1) or withdrawn (0); the last row of a subject and purpose holds.
CREATE TABLE consents (
  district TEXT NOT NULL,
  subject TEXT NOT NULL,
  purpose TEXT NOT NULL,
  number INTEGER NOT NULL,
  given INTEGER NOT NULL,
  text_version TEXT NOT NULL,
  said_at BIGINT NOT NULL,
  said_by TEXT NOT NULL,
  PRIMARY KEY (district, subject, purpose, number)
){without_rowid};

CREATE TABLE delegations (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  principal_account TEXT NOT NULL,
  principal_person TEXT NOT NULL,
  delegate_account TEXT NOT NULL,
  delegate_person TEXT NOT NULL,
  reason TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE INDEX delegations_delegate ON delegations (district, delegate_account, until_at);
CREATE INDEX delegations_principal ON delegations (district, principal_account, until_at);

-- Personal values behind commitments; erasing empties value and salt, and the row stays.
CREATE TABLE personal (
  district TEXT NOT NULL,
  commitment TEXT NOT NULL,
  subject TEXT NOT NULL,
  purpose TEXT NOT NULL,
  number INTEGER NOT NULL,
  salt TEXT NOT NULL,
  value TEXT NOT NULL,
  put_at BIGINT NOT NULL,
  keep_until BIGINT NOT NULL,
  erased_at BIGINT,
  PRIMARY KEY (district, commitment)
){without_rowid};
CREATE UNIQUE INDEX personal_subject ON personal (district, subject, purpose, number);
CREATE INDEX personal_due ON personal (district, keep_until) WHERE erased_at IS NULL;
