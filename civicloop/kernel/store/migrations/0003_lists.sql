-- Lists of cases. What still runs and what is done are listed apart; each index holds every column that a list filters by,
-- so that a filter without an answer costs a walk over a part of one index and no row of the table.
DROP INDEX cases_open;
DROP INDEX cases_unit;
CREATE INDEX cases_live ON cases (district, process, due_at, id, closed_at, ended_at, state, kind, street, community,
  unit, holder, breaches, opened_at, lon, lat) WHERE ended_at IS NULL;
CREATE INDEX cases_done_state ON cases (district, process, state, id, closed_at, ended_at, kind, street, community, unit,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
CREATE INDEX cases_done_kind ON cases (district, process, kind, id, closed_at, ended_at, state, street, community, unit,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
CREATE INDEX cases_done_street ON cases (district, process, street, id, closed_at, ended_at, state, kind, community, unit,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
CREATE INDEX cases_done_community ON cases (district, process, community, id, closed_at, ended_at, state, kind, unit,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
CREATE INDEX cases_done_unit ON cases (district, process, unit, id, closed_at, ended_at, state, kind, street, community,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
