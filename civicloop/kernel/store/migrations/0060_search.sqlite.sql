-- The text itself is not kept. A row's id is the district's number and the document's seq (search.py). No Chinese
-- token is longer than two characters, so the prefix indexes hold only words of letters and digits.
-- begin
CREATE VIRTUAL TABLE search_grams USING fts5(
  grams, content='', contentless_delete=1, tokenize='ascii', prefix='3 4 5 6 7 8');
-- end
