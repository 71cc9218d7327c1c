-- begin
CREATE TRIGGER history_chain BEFORE INSERT ON history
WHEN NEW.seq <> 1 AND NOT EXISTS (
  SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq - 1 AND hash = NEW.prev_hash)
BEGIN SELECT RAISE(ABORT, 'history: the row does not follow the one before it'); END;
-- end
-- begin
CREATE TRIGGER history_update BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
-- end
-- begin
CREATE TRIGGER history_delete BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
-- end
-- begin
CREATE TRIGGER cases_insert BEFORE INSERT ON cases
WHEN NEW.revision <> 1 OR NOT EXISTS (
  SELECT 1 FROM moves WHERE process = NEW.process AND version = NEW.version AND from_state = ''
    AND action = NEW.last_action AND to_state = NEW.state)
  OR NOT EXISTS (
  SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq AND case_id = NEW.id
    AND from_state = '' AND to_state = NEW.state AND action = NEW.last_action AND revision = 1)
BEGIN SELECT RAISE(ABORT, 'cases: an undeclared opening'); END;
-- end
-- begin
CREATE TRIGGER cases_move BEFORE UPDATE ON cases
WHEN NEW.seq <> OLD.seq AND (
  NEW.revision <> OLD.revision + 1 OR NEW.process <> OLD.process
  OR NOT EXISTS (
    SELECT 1 FROM moves WHERE process = NEW.process AND version = NEW.version AND from_state = OLD.state
      AND action = NEW.last_action AND to_state = NEW.state
      AND (remembered = 0 OR NEW.state = OLD.previous_state))
  OR NOT EXISTS (
    SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq AND case_id = NEW.id
      AND from_state = OLD.state AND to_state = NEW.state AND action = NEW.last_action
      AND revision = NEW.revision))
BEGIN SELECT RAISE(ABORT, 'cases: an undeclared move'); END;
-- end
-- begin
CREATE TRIGGER cases_still BEFORE UPDATE ON cases
WHEN NEW.seq = OLD.seq AND (
  NEW.state <> OLD.state OR NEW.revision <> OLD.revision OR NEW.version <> OLD.version
  OR NEW.process <> OLD.process OR NEW.last_action <> OLD.last_action
  OR NEW.previous_state <> OLD.previous_state)
BEGIN SELECT RAISE(ABORT, 'cases: a move without its history row'); END;
-- end
-- begin
CREATE TRIGGER cases_delete BEFORE DELETE ON cases
BEGIN SELECT RAISE(ABORT, 'cases are never deleted'); END;
-- end
-- begin
CREATE TRIGGER report_links_update BEFORE UPDATE ON report_links
BEGIN SELECT RAISE(ABORT, 'report links are never changed'); END;
-- end
-- begin
CREATE TRIGGER report_links_delete BEFORE DELETE ON report_links
BEGIN SELECT RAISE(ABORT, 'report links are never deleted'); END;
-- end
