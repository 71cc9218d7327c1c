-- begin
CREATE FUNCTION civicloop_evidence_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.hash <> OLD.hash OR NEW.original_hash <> OLD.original_hash OR NEW.uploaded_by <> OLD.uploaded_by
    OR NEW.uploaded_at <> OLD.uploaded_at OR NEW.taken_at IS DISTINCT FROM OLD.taken_at
    OR NEW.look IS DISTINCT FROM OLD.look OR NEW.public_hash IS DISTINCT FROM OLD.public_hash
    OR NEW.thumbnail_hash IS DISTINCT FROM OLD.thumbnail_hash THEN
    RAISE EXCEPTION 'what a piece of evidence shows is never changed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- end
CREATE TRIGGER evidence_openings_never BEFORE UPDATE OR DELETE ON evidence_openings FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER evidence_never BEFORE DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION civicloop_never();
CREATE TRIGGER evidence_content BEFORE UPDATE ON evidence FOR EACH ROW EXECUTE FUNCTION civicloop_evidence_content();
