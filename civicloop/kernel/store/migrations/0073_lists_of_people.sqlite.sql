DELETE FROM sqlite_stat1 WHERE idx = 'cases_done_community';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('cases', 'cases_done_community', '900000 900000 450000 6000 1 1 1 1 1 1 1 1'),
  ('cases', 'cases_done_holder', '900000 900000 450000 3000 1 1 1 1 1 1 1 1 1');
