-- What still runs, by tiles of a thousandth of a degree: which open cases lie close to a report (api/near.py). A strip of latitude
-- alone would hold thousands of them in a district with a hundred thousand open cases.
CREATE INDEX cases_near ON cases (district, process, (CAST(lat * 1000 AS INTEGER)), (CAST(lon * 1000 AS INTEGER)), lat, lon,
  master_id, state, id) WHERE ended_at IS NULL AND closed_at IS NULL;
