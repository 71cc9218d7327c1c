INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('reports', 'reports_happened', '1200000 1200000 2 1');
