-- Reports by when they were made: what Open311 lists and what counts reports of a period.
CREATE INDEX reports_happened ON reports (district, happened_at, id);
