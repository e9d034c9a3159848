"""SQL of this floor's triggers, installed by its migrations."""

ORGANIZATION_PATH = """
CREATE FUNCTION access_organization_path() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above text := '/';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.parent_id IS NOT DISTINCT FROM OLD.parent_id THEN
            -- Whatever path the writer believed in: only a move changes it, and the move's own update of what lies
            -- below, which comes through the other trigger.
            IF pg_trigger_depth() = 1 THEN
                NEW.path := OLD.path;
            END IF;
            RETURN NEW;
        END IF;
        -- Two moves at once could tie a loop that neither sees.
        PERFORM pg_advisory_xact_lock(hashtext('access_organization_path'));
    END IF;
    IF NEW.parent_id IS NOT NULL THEN
        SELECT path INTO STRICT above FROM access_organization WHERE id = NEW.parent_id;
    END IF;
    IF above LIKE '%/' || NEW.id || '/%' THEN
        RAISE EXCEPTION 'organization % cannot lie inside itself', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    NEW.path := above || NEW.id || '/';
    RETURN NEW;
END
$$;

CREATE FUNCTION access_organization_subtree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_organization SET path = NEW.path || substr(path, length(OLD.path) + 1)
    WHERE path LIKE OLD.path || '_%';
    RETURN NULL;
END
$$;

CREATE TRIGGER access_organization_path BEFORE INSERT OR UPDATE ON access_organization
    FOR EACH ROW EXECUTE FUNCTION access_organization_path();
CREATE TRIGGER access_organization_subtree AFTER UPDATE ON access_organization
    FOR EACH ROW WHEN (NEW.parent_id IS DISTINCT FROM OLD.parent_id)
    EXECUTE FUNCTION access_organization_subtree();
"""

DROP_ORGANIZATION_PATH = """
DROP TRIGGER access_organization_path ON access_organization;
DROP TRIGGER access_organization_subtree ON access_organization;
DROP FUNCTION access_organization_path();
DROP FUNCTION access_organization_subtree();
"""

AUDIT_APPEND_ONLY = """
CREATE FUNCTION access_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit ledger is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER access_audit_append_only BEFORE UPDATE OR DELETE ON access_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION access_audit_append_only();
"""

DROP_AUDIT_APPEND_ONLY = """
DROP TRIGGER access_audit_append_only ON access_auditrecord;
DROP FUNCTION access_audit_append_only();
"""
