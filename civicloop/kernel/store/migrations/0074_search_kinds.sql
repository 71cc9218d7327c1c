-- The words of a case now hold its category's code: the index is followed anew from the first record.
UPDATE search_cursor SET seq = 0;
