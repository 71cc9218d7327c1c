-- begin
CREATE TRIGGER audit_reads_update BEFORE UPDATE ON audit_reads
BEGIN SELECT RAISE(ABORT, 'audit_reads is never changed'); END;
-- end
-- begin
CREATE TRIGGER audit_reads_delete BEFORE DELETE ON audit_reads
BEGIN SELECT RAISE(ABORT, 'audit_reads is never deleted'); END;
-- end
-- begin
CREATE TRIGGER consents_update BEFORE UPDATE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are never changed'); END;
-- end
-- begin
CREATE TRIGGER consents_delete BEFORE DELETE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are never deleted'); END;
-- end
-- begin
CREATE TRIGGER personal_update BEFORE UPDATE ON personal
WHEN OLD.erased_at IS NOT NULL OR NEW.commitment <> OLD.commitment OR NEW.subject <> OLD.subject
  OR NEW.purpose <> OLD.purpose OR NEW.number <> OLD.number OR NEW.put_at <> OLD.put_at
  OR NOT ((NEW.erased_at IS NULL AND NEW.value = OLD.value AND NEW.salt = OLD.salt)
    OR (NEW.erased_at IS NOT NULL AND NEW.value = '' AND NEW.salt = ''))
BEGIN SELECT RAISE(ABORT, 'personal: a value is kept or erased, never changed'); END;
-- end
-- begin
CREATE TRIGGER personal_delete BEFORE DELETE ON personal
BEGIN SELECT RAISE(ABORT, 'personal rows are erased, never deleted'); END;
-- end
-- begin
CREATE TRIGGER links_update BEFORE UPDATE ON links WHEN OLD.used_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'links: a used link stays used'); END;
-- end
