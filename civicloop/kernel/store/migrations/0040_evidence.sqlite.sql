-- begin
CREATE TRIGGER evidence_openings_update BEFORE UPDATE ON evidence_openings
BEGIN SELECT RAISE(ABORT, 'evidence openings are never changed'); END;
-- end
-- begin
CREATE TRIGGER evidence_openings_delete BEFORE DELETE ON evidence_openings
BEGIN SELECT RAISE(ABORT, 'evidence openings are never deleted'); END;
-- end
-- begin
CREATE TRIGGER evidence_delete BEFORE DELETE ON evidence
BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END;
-- end
-- begin
CREATE TRIGGER evidence_content BEFORE UPDATE ON evidence
WHEN NEW.hash <> OLD.hash OR NEW.original_hash <> OLD.original_hash OR NEW.uploaded_by <> OLD.uploaded_by
  OR NEW.uploaded_at <> OLD.uploaded_at OR NEW.taken_at IS NOT OLD.taken_at OR NEW.look IS NOT OLD.look
  OR NEW.public_hash IS NOT OLD.public_hash OR NEW.thumbnail_hash IS NOT OLD.thumbnail_hash
BEGIN SELECT RAISE(ABORT, 'what a piece of evidence shows is never changed'); END;
-- end
