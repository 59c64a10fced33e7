/** Every change of a state of a step, with what its dependencies were then. `SCHEMA` stands for the schema. */
export const STEP_LOG = `
  CREATE TABLE IF NOT EXISTS SCHEMA.step_log (
    owner_id uuid, n int, old text, new text, bad int, skipped int, fine int, pending int,
    stopping text);
  CREATE OR REPLACE FUNCTION SCHEMA.log_step() RETURNS trigger LANGUAGE plpgsql AS $log$
  BEGIN
    INSERT INTO SCHEMA.step_log
    SELECT NEW.owner_id, NEW.n, OLD.state, NEW.state,
           count(*) FILTER (WHERE p.state IN ('failed', 'cancelled')), count(*) FILTER (WHERE p.state = 'skipped'),
           count(*) FILTER (WHERE p.state = 'succeeded'), count(*) FILTER (WHERE p.state IN ('waiting', 'open')),
           (SELECT w.stopping FROM SCHEMA.workflows w WHERE w.id = NEW.owner_id)
      FROM SCHEMA.steps p
     WHERE p.owner_id = NEW.owner_id AND p.n = ANY (NEW.deps);
    RETURN NULL;
  END $log$;
  CREATE OR REPLACE TRIGGER log_step AFTER UPDATE OF state ON SCHEMA.steps
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION SCHEMA.log_step();
  INSERT INTO SCHEMA.queues (name) VALUES ('flows') ON CONFLICT DO NOTHING;`
