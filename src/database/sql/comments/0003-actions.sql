-- What each table and column of actions means, and what writes it.

COMMENT ON TABLE chancy.audit IS 'Who did what to what, and why: a row for each action that says its actor or its reason, in the transaction of the action. Written by record_action; removed by prune_audit after 400 days.';
COMMENT ON COLUMN chancy.audit.id IS 'UUID of version 7, made by the process that acts.';
COMMENT ON COLUMN chancy.audit.at IS 'When.';
COMMENT ON COLUMN chancy.audit.jobs IS 'How many jobs the action changed. Null: it is not about jobs.';
COMMENT ON COLUMN chancy.audit.bulk_id IS 'Bulk action that it is about. Null: none.';
COMMENT ON COLUMN chancy.audit.request_id IS 'Request that asked for it. Null: none.';
COMMENT ON COLUMN chancy.audit.address IS 'Where the request came from. Null: unknown.';
COMMENT ON COLUMN chancy.audit.verb IS 'What was done, such as jobs.cancel.';
COMMENT ON COLUMN chancy.audit.outcome IS 'done, unchanged or refused.';
COMMENT ON COLUMN chancy.audit.code IS 'Why it was refused, a code of an error. Null: it was not.';
COMMENT ON COLUMN chancy.audit.target IS 'To what, such as job:ID or queue:NAME. Null: several.';
COMMENT ON COLUMN chancy.audit.filter IS 'Filter of a bulk action as it was frozen. Null: none.';
COMMENT ON COLUMN chancy.audit.reason IS 'Why, as the call said. Null: it did not.';
COMMENT ON COLUMN chancy.audit.actor IS 'Who, an object of id and name. Null: the call did not say.';
COMMENT ON COLUMN chancy.audit.before IS 'What it changed, as it was. Null: nothing.';
COMMENT ON COLUMN chancy.audit.after IS 'What it changed, as it is since. Null: nothing.';

COMMENT ON TABLE chancy.bulk_actions IS 'Actions on many jobs, which any process carries on. Written by what starts, controls and carries on bulk actions.';
COMMENT ON COLUMN chancy.bulk_actions.id IS 'UUID of version 7.';
COMMENT ON COLUMN chancy.bulk_actions.created_at IS 'When it was created: what was pushed later is not touched.';
COMMENT ON COLUMN chancy.bulk_actions.starts_at IS 'When it begins, after its undo window.';
COMMENT ON COLUMN chancy.bulk_actions.stepped_at IS 'When the next jobs are due by its rate. Null: it has not begun.';
COMMENT ON COLUMN chancy.bulk_actions.finished_at IS 'When it ended. Null: it has not.';
COMMENT ON COLUMN chancy.bulk_actions.undo_until IS 'Until when its items are kept, and so until when it can be undone. Null: it has no items.';
COMMENT ON COLUMN chancy.bulk_actions.undo_of IS 'Bulk action that this one undoes. Null: none.';
COMMENT ON COLUMN chancy.bulk_actions.rate IS 'Jobs a second.';
COMMENT ON COLUMN chancy.bulk_actions.done IS 'Jobs that it has changed.';
COMMENT ON COLUMN chancy.bulk_actions.skipped IS 'Jobs whose state or owner did not allow it.';
COMMENT ON COLUMN chancy.bulk_actions.failed IS 'Jobs that were refused with an error.';
COMMENT ON COLUMN chancy.bulk_actions.state IS 'waiting, running, paused, done or stopped.';
COMMENT ON COLUMN chancy.bulk_actions.action IS 'cancel, retry, delete, run-now, reprioritise, move or undo.';
COMMENT ON COLUMN chancy.bulk_actions.filter IS 'Filter of its jobs, with times as dates. Null: ids, or an undo.';
COMMENT ON COLUMN chancy.bulk_actions.cursor IS 'How far it has come. Null: it has not begun.';
COMMENT ON COLUMN chancy.bulk_actions.reason IS 'Why, as the call said.';
COMMENT ON COLUMN chancy.bulk_actions.ids IS 'Its jobs. Null: a filter, or an undo.';
COMMENT ON COLUMN chancy.bulk_actions.queues IS 'Patterns of the queues that its actor may touch. Null: all.';
COMMENT ON COLUMN chancy.bulk_actions.change IS 'What it sets, an object: priority or queue.';
COMMENT ON COLUMN chancy.bulk_actions.reasons IS 'Why jobs were skipped or refused: how many by each code.';
COMMENT ON COLUMN chancy.bulk_actions.actor IS 'Who started it, an object of id and name. Null: unknown.';

COMMENT ON TABLE chancy.bulk_items IS 'What a bulk action did with each of its jobs: a job is acted on once. Written by what carries the action on; removed after it can no longer be undone.';
COMMENT ON COLUMN chancy.bulk_items.bulk_id IS 'The action.';
COMMENT ON COLUMN chancy.bulk_items.job_id IS 'The job.';
COMMENT ON COLUMN chancy.bulk_items.outcome IS 'left (to be acted on alone), late (the same at the end), done, skipped or failed.';
COMMENT ON COLUMN chancy.bulk_items.code IS 'Why it was skipped or refused. Null: it was not.';
COMMENT ON COLUMN chancy.bulk_items.before IS 'What an undo puts back, and how the action left the job: note_before and note_done write them. Null: nothing is put back.';
