-- grams: the tokens, and of each word of letters and digits its beginnings ("hyd*"); body: the tokens in order,
-- to compare whole phrases with.
CREATE TABLE search_grams (
  district TEXT NOT NULL,
  seq BIGINT NOT NULL,
  grams TEXT[] NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (district, seq)
);
CREATE INDEX search_grams_index ON search_grams USING GIN (grams);
