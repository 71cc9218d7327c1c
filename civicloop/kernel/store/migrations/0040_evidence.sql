-- One row a file that was kept. hash is the SHA-256 of the stored bytes and names the file; original_hash is that
-- of the bytes as they came, which are not kept (they hold position and serial numbers that nobody agreed to).
-- look is the picture's difference hash in hexadecimal; position is WGS-84.
CREATE TABLE evidence (
  district TEXT NOT NULL,
  hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  width INTEGER,
  height INTEGER,
  original_hash TEXT NOT NULL,
  public_hash TEXT,
  thumbnail_hash TEXT,
  look TEXT,
  uploaded_by TEXT NOT NULL,
  uploaded_at BIGINT NOT NULL,
  taken_at BIGINT,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  position_consent INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  PRIMARY KEY (district, hash)
){without_rowid};
CREATE INDEX evidence_original ON evidence (district, original_hash);

-- Who opened an original, and why.
CREATE TABLE evidence_openings (
  district TEXT NOT NULL,
  id TEXT NOT NULL,
  hash TEXT NOT NULL,
  actor TEXT NOT NULL,
  why TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  PRIMARY KEY (district, id)
){without_rowid};
CREATE INDEX evidence_openings_hash ON evidence_openings (district, hash, opened_at);
