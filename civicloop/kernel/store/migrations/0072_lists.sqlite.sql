-- A community keeps fewest of what is done, then a category, a unit, a street, a state.
DELETE FROM sqlite_stat1 WHERE idx IN ('cases_open', 'cases_unit');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('cases', 'cases_live', '120000 120000 60000 2 1 1 1 1 1 1 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_state', '900000 900000 450000 100000 1 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_kind', '900000 900000 450000 12000 1 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_street', '900000 900000 450000 40000 1 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_community', '900000 900000 450000 6000 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_unit', '900000 900000 450000 20000 1 1 1 1 1 1 1 1');
