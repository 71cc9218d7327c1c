-- The list of what is done in a community may be kept to a street as well; and everybody has a list of his own.
DROP INDEX cases_done_community;
CREATE INDEX cases_done_community ON cases (district, process, community, id, closed_at, ended_at, state, kind, street, unit,
  breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
CREATE INDEX cases_done_holder ON cases (district, process, holder, id, closed_at, ended_at, state, kind, street, community,
  unit, breaches) WHERE ended_at IS NOT NULL OR closed_at IS NOT NULL;
