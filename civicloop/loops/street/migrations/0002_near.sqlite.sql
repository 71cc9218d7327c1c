-- What the planner of SQLite should expect of it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('cases', 'cases_near', '100000 100000 50000 700 10 1 1 1 1 1');
