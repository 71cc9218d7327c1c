CREATE TRIGGER reference_never BEFORE UPDATE OR DELETE ON reference FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER entity_facts_never BEFORE UPDATE OR DELETE ON entity_facts FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER entity_merges_never BEFORE UPDATE OR DELETE ON entity_merges FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER observations_never BEFORE UPDATE OR DELETE ON observations FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER observation_links_never BEFORE UPDATE OR DELETE ON observation_links FOR EACH ROW EXECUTE FUNCTION civicloop_never();
-- begin
CREATE FUNCTION civicloop_entity_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.legal_id IS NOT NULL OR NEW.district <> OLD.district OR NEW.register <> OLD.register OR NEW.id <> OLD.id
    OR NEW.created_at <> OLD.created_at THEN
    RAISE EXCEPTION 'entities only ever gain a legal id' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
CREATE TRIGGER entities_kept BEFORE UPDATE ON entities FOR EACH ROW EXECUTE FUNCTION civicloop_entity_kept();
CREATE TRIGGER entities_never BEFORE DELETE ON entities FOR EACH ROW EXECUTE FUNCTION civicloop_never();
