-- What is done by hand: the audit log, and bulk actions. What each column means stands at its COMMENT.

-- Append only for every role but the owner: rows are written by record_action and removed by prune_audit.
CREATE TABLE chancy.audit (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  jobs int,
  bulk_id uuid,
  request_id uuid,
  address inet,
  verb text NOT NULL,
  outcome text NOT NULL,
  code text,
  target text,
  filter text,
  reason text,
  actor jsonb,
  before jsonb,
  after jsonb
);
CREATE INDEX audit_at ON chancy.audit (at);
CREATE INDEX audit_target ON chancy.audit (target, id) WHERE target IS NOT NULL;

CREATE TABLE chancy.bulk_actions (
  id uuid PRIMARY KEY,
  created_at timestamptz NOT NULL,
  starts_at timestamptz NOT NULL,
  stepped_at timestamptz,
  finished_at timestamptz,
  undo_until timestamptz,
  undo_of uuid,
  rate int NOT NULL,
  done int NOT NULL DEFAULT 0,
  skipped int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'waiting',
  action text NOT NULL,
  filter text,
  cursor text,
  reason text,
  ids uuid[],
  queues text[],
  change jsonb NOT NULL DEFAULT '{}',
  reasons jsonb NOT NULL DEFAULT '{}',
  actor jsonb
) WITH (fillfactor = 50);
CREATE INDEX bulk_actions_open ON chancy.bulk_actions (starts_at) WHERE finished_at IS NULL;
CREATE INDEX bulk_actions_kept ON chancy.bulk_actions (undo_until) WHERE undo_until IS NOT NULL;
CREATE INDEX bulk_actions_undo ON chancy.bulk_actions (undo_of) WHERE undo_of IS NOT NULL;

CREATE TABLE chancy.bulk_items (
  bulk_id uuid,
  job_id uuid,
  outcome text NOT NULL,
  code text,
  before jsonb,
  PRIMARY KEY (bulk_id, job_id)
);
-- Few, among the many that have ended.
CREATE INDEX bulk_items_left ON chancy.bulk_items (bulk_id, job_id) WHERE outcome IN ('left', 'late');
