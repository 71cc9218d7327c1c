-- How far the indexer has followed the district's history, and the district's number in the index's row ids.
CREATE TABLE search_cursor (
  district TEXT NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL,
  seq BIGINT NOT NULL
){without_rowid};
CREATE UNIQUE INDEX search_cursor_number ON search_cursor (number);

-- One row a case: seq is the history row that opened it, its place in the order of answers; digest tells
-- whether the text has changed.
CREATE TABLE search_docs (
  district TEXT NOT NULL,
  case_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (district, case_id)
){without_rowid};
CREATE UNIQUE INDEX search_docs_seq ON search_docs (district, seq);
