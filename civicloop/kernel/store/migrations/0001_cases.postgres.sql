-- begin
CREATE FUNCTION civicloop_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$;
-- end
-- begin
CREATE FUNCTION civicloop_history_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> 1 AND NOT EXISTS (
    SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq - 1 AND hash = NEW.prev_hash) THEN
    RAISE EXCEPTION 'history: the row does not follow the one before it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
-- begin
CREATE FUNCTION civicloop_case_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.revision <> 1 OR NOT EXISTS (
    SELECT 1 FROM moves WHERE process = NEW.process AND version = NEW.version AND from_state = ''
      AND action = NEW.last_action AND to_state = NEW.state)
    OR NOT EXISTS (
    SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq AND case_id = NEW.id
      AND from_state = '' AND to_state = NEW.state AND action = NEW.last_action AND revision = 1) THEN
    RAISE EXCEPTION 'cases: an undeclared opening' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
-- begin
CREATE FUNCTION civicloop_case_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> OLD.seq THEN
    IF NEW.revision <> OLD.revision + 1 OR NEW.process <> OLD.process
      OR NOT EXISTS (
        SELECT 1 FROM moves WHERE process = NEW.process AND version = NEW.version AND from_state = OLD.state
          AND action = NEW.last_action AND to_state = NEW.state
          AND (remembered = 0 OR NEW.state = OLD.previous_state))
      OR NOT EXISTS (
        SELECT 1 FROM history WHERE district = NEW.district AND seq = NEW.seq AND case_id = NEW.id
          AND from_state = OLD.state AND to_state = NEW.state AND action = NEW.last_action
          AND revision = NEW.revision) THEN
      RAISE EXCEPTION 'cases: an undeclared move' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF NEW.state <> OLD.state OR NEW.revision <> OLD.revision OR NEW.version <> OLD.version
    OR NEW.process <> OLD.process OR NEW.last_action <> OLD.last_action
    OR NEW.previous_state <> OLD.previous_state THEN
    RAISE EXCEPTION 'cases: a move without its history row' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
CREATE TRIGGER history_chain BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION civicloop_history_chain();
CREATE TRIGGER history_never BEFORE UPDATE OR DELETE ON history FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER cases_insert BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION civicloop_case_opening();
CREATE TRIGGER cases_move BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION civicloop_case_move();
CREATE TRIGGER cases_never BEFORE DELETE ON cases FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER report_links_never BEFORE UPDATE OR DELETE ON report_links FOR EACH ROW EXECUTE FUNCTION civicloop_never();
