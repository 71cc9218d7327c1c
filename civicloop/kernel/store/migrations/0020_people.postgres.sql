-- begin
CREATE FUNCTION civicloop_personal_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.erased_at IS NOT NULL OR NEW.commitment <> OLD.commitment OR NEW.subject <> OLD.subject
    OR NEW.purpose <> OLD.purpose OR NEW.number <> OLD.number OR NEW.put_at <> OLD.put_at
    OR NOT ((NEW.erased_at IS NULL AND NEW.value = OLD.value AND NEW.salt = OLD.salt)
      OR (NEW.erased_at IS NOT NULL AND NEW.value = '' AND NEW.salt = '')) THEN
    RAISE EXCEPTION 'personal: a value is kept or erased, never changed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
CREATE TRIGGER audit_reads_never BEFORE UPDATE OR DELETE ON audit_reads FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER consents_never BEFORE UPDATE OR DELETE ON consents FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER personal_update BEFORE UPDATE ON personal FOR EACH ROW EXECUTE FUNCTION civicloop_personal_update();
CREATE TRIGGER personal_never BEFORE DELETE ON personal FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER links_used BEFORE UPDATE ON links FOR EACH ROW WHEN (OLD.used_at IS NOT NULL) EXECUTE FUNCTION civicloop_never();
