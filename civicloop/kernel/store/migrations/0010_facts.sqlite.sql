-- begin
CREATE TRIGGER reference_update BEFORE UPDATE ON reference
BEGIN SELECT RAISE(ABORT, 'reference rows are never changed'); END;
-- end
-- begin
CREATE TRIGGER reference_delete BEFORE DELETE ON reference
BEGIN SELECT RAISE(ABORT, 'reference rows are never deleted'); END;
-- end
-- begin
CREATE TRIGGER entity_facts_update BEFORE UPDATE ON entity_facts
BEGIN SELECT RAISE(ABORT, 'entity facts are never changed'); END;
-- end
-- begin
CREATE TRIGGER entity_facts_delete BEFORE DELETE ON entity_facts
BEGIN SELECT RAISE(ABORT, 'entity facts are never deleted'); END;
-- end
-- begin
CREATE TRIGGER entity_merges_update BEFORE UPDATE ON entity_merges
BEGIN SELECT RAISE(ABORT, 'entity merges are never changed'); END;
-- end
-- begin
CREATE TRIGGER entity_merges_delete BEFORE DELETE ON entity_merges
BEGIN SELECT RAISE(ABORT, 'entity merges are never deleted'); END;
-- end
-- begin
CREATE TRIGGER observations_update BEFORE UPDATE ON observations
BEGIN SELECT RAISE(ABORT, 'observations are never changed'); END;
-- end
-- begin
CREATE TRIGGER observations_delete BEFORE DELETE ON observations
BEGIN SELECT RAISE(ABORT, 'observations are never deleted'); END;
-- end
-- begin
CREATE TRIGGER observation_links_update BEFORE UPDATE ON observation_links
BEGIN SELECT RAISE(ABORT, 'observation links are never changed'); END;
-- end
-- begin
CREATE TRIGGER observation_links_delete BEFORE DELETE ON observation_links
BEGIN SELECT RAISE(ABORT, 'observation links are never deleted'); END;
-- end
-- begin
CREATE TRIGGER entities_update BEFORE UPDATE ON entities
WHEN OLD.legal_id IS NOT NULL OR NEW.district <> OLD.district OR NEW.register <> OLD.register OR NEW.id <> OLD.id
  OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'entities only ever gain a legal id'); END;
-- end
-- begin
CREATE TRIGGER entities_delete BEFORE DELETE ON entities
BEGIN SELECT RAISE(ABORT, 'entities are never deleted'); END;
-- end
