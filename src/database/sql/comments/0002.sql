-- What each table and column of workflows and durable jobs means, and which function writes it.

COMMENT ON COLUMN chancy.jobs.owner_id IS 'Workflow or batch that the job is a part of, or durable job that invoked it: a row of workflows. Null: none. Written by push_flow and flow.';
COMMENT ON COLUMN chancy.jobs.owner_step IS 'Its step: the n of steps. Null: a job of a batch, or of no owner.';
COMMENT ON COLUMN chancy.jobs.extras IS 'What few jobs have, an object: deadline, dead letter, run and base of a durable job, and its open waits. Null: nothing.';
COMMENT ON COLUMN chancy.jobs.waits IS 'What a suspended job waits for: steps (a step of a workflow whose turn has not come) or wait (a durable job without a slot). Null: it is not suspended. A suspended job has no position. Written by push_flow, finish and cancel_flow; cleared by flow and stage.';

COMMENT ON COLUMN chancy.finished_jobs.owner_id IS 'As in jobs.';
COMMENT ON COLUMN chancy.finished_jobs.owner_step IS 'As in jobs.';
COMMENT ON COLUMN chancy.finished_jobs.extras IS 'As in jobs.';

COMMENT ON COLUMN chancy.workers.paused IS 'Whether it claims nothing until it is resumed. Written by save_worker_queues, read by explain, explain_queue and doctor.';

COMMENT ON TABLE chancy.workflows IS 'Owners of jobs: workflows, batches, and the children of durable jobs, a row under the id of that job. Its row lock is the only one that spans jobs: steps are changed under it. Written by push_flow, flow, cancel_flow and retry_flow; removed by sweep_flows after its retention.';
COMMENT ON COLUMN chancy.workflows.id IS 'UUID of version 7. Of the children of a durable job: the id of that job.';
COMMENT ON COLUMN chancy.workflows.open IS 'How many of its steps have not ended, without items of maps. Of a batch: its jobs, and one while they are being pushed. Counted down by flow.';
COMMENT ON COLUMN chancy.workflows.bad IS 'How many of its steps failed or were cancelled and may not. Of a batch: how many jobs failed. Counted by flow.';
COMMENT ON COLUMN chancy.workflows.size IS 'How many rows of steps it has, items of maps included: the next item gets this n. At most 10000. Of a batch: how many jobs were pushed.';
COMMENT ON COLUMN chancy.workflows.cancelled IS 'Of a batch: how many jobs were cancelled. Counted by flow.';
COMMENT ON COLUMN chancy.workflows.priority IS 'Priority of the steps whose job has 0.';
COMMENT ON COLUMN chancy.workflows.owner_step IS 'Its step of that owner.';
COMMENT ON COLUMN chancy.workflows.owner_id IS 'Durable job that invoked it. Null: none.';
COMMENT ON COLUMN chancy.workflows.created_at IS 'When it was pushed.';
COMMENT ON COLUMN chancy.workflows.deadline_at IS 'When what is open of it is cancelled. Null: never.';
COMMENT ON COLUMN chancy.workflows.finished_at IS 'When its last step ended. Null: it runs.';
COMMENT ON COLUMN chancy.workflows.expires_at IS 'When it may be removed, with its steps: finished_at and its retention. Null: it runs.';
COMMENT ON COLUMN chancy.workflows.pushed_until IS 'Of a batch whose jobs are being pushed: until when the process that does it is taken to live. Null: all are pushed. Written by begin_batch and renew_batch; cleared by seal_batch and count_batch.';
COMMENT ON COLUMN chancy.workflows.retention IS 'How long it is kept after its end.';
COMMENT ON COLUMN chancy.workflows.once IS 'Whether its unique key stays taken while it is kept, and not only until its end.';
COMMENT ON COLUMN chancy.workflows.cancels IS 'Whether the first failure of a step that may not fail cancels the rest.';
COMMENT ON COLUMN chancy.workflows.kind IS 'workflow, batch or children.';
COMMENT ON COLUMN chancy.workflows.state IS 'running, succeeded, failed or cancelled.';
COMMENT ON COLUMN chancy.workflows.stopping IS 'Why what is open of it is being cancelled: cancelled, deadline or failure. Nothing of it starts any more. Null: it is not.';
COMMENT ON COLUMN chancy.workflows.name IS 'Name of the workflow or batch.';
COMMENT ON COLUMN chancy.workflows.unique_key IS 'At most one workflow with this key runs.';
COMMENT ON COLUMN chancy.workflows.failure IS 'The first failure of a step that may not fail, an object of step, kind and message. Of a batch: why it failed.';
COMMENT ON COLUMN chancy.workflows.meta IS 'Metadata of the push, an object. Null: none.';
COMMENT ON COLUMN chancy.workflows.output IS 'What it gives, filled from the outputs of its steps at its end.';
COMMENT ON COLUMN chancy.workflows.extras IS 'What its kind needs besides, an object: the template of its output (output), the callbacks of a batch.';

COMMENT ON TABLE chancy.steps IS 'Steps of workflows, items of maps, and jobs that a durable job invoked. A row is changed under the lock of its owner alone. Written by push_flow, flow, cancel_flow and retry_flow; removed with their owner.';
COMMENT ON COLUMN chancy.steps.owner_id IS 'Its row of workflows.';
COMMENT ON COLUMN chancy.steps.n IS 'Ordinal in the owner, from 0. A step depends on lower ones only; items of maps come behind all steps.';
COMMENT ON COLUMN chancy.steps.pending IS 'How many of its dependencies have not ended. Of a map that has begun: how many of its items.';
COMMENT ON COLUMN chancy.steps.bad IS 'How many of those failed or were cancelled.';
COMMENT ON COLUMN chancy.steps.skipped IS 'How many of those were skipped.';
COMMENT ON COLUMN chancy.steps.fine IS 'How many of those succeeded.';
COMMENT ON COLUMN chancy.steps.of_map IS 'Of an item: the n of its map. Of a child of a durable job: that of its group.';
COMMENT ON COLUMN chancy.steps.item IS 'Of an item: its index in the list.';
COMMENT ON COLUMN chancy.steps.ended_at IS 'When it ended. Null: it has not.';
COMMENT ON COLUMN chancy.steps.job_id IS 'Its job. Null: a map, whose items have one each.';
COMMENT ON COLUMN chancy.steps.may_fail IS 'Whether its failure leaves the workflow as it is.';
COMMENT ON COLUMN chancy.steps.state IS 'waiting (for its dependencies), open (its job waits or runs, or items of its map do), succeeded, failed, cancelled or skipped.';
COMMENT ON COLUMN chancy.steps.run_when IS 'Which ends of its dependencies it runs after: all-succeeded, none-failed, all-ended, any-succeeded or any-failed.';
COMMENT ON COLUMN chancy.steps.name IS 'Name, unique in the workflow. Null: an item.';
COMMENT ON COLUMN chancy.steps.deps IS 'The n of each step that it waits for, in ascending order. Null: none.';
COMMENT ON COLUMN chancy.steps.dependents IS 'The n of each step that waits for it, in ascending order. Null: none.';
COMMENT ON COLUMN chancy.steps.spec IS 'What making it ready takes, an object: the template of its arguments (args, holes), run_if, delay_ms, map; of one that did not succeed its row of jobs (job), so that it can be retried without the history. Null: nothing.';
COMMENT ON COLUMN chancy.steps.result IS 'What its job returned. Null unless it succeeded, and of a map, whose items have it.';
COMMENT ON COLUMN chancy.steps.error IS 'Why it did not succeed, an object of kind, message and, where another step is the reason, step.';

COMMENT ON TABLE chancy.step_ends IS 'Facts about steps that could not be counted under the lock of their owner yet, since another transaction held it, or since one transaction changes a thousand steps at most. Usually empty. Written by flow; removed by the next flow of the owner.';
COMMENT ON COLUMN chancy.step_ends.owner_id IS 'Owner that is to be changed.';
COMMENT ON COLUMN chancy.step_ends.n IS 'Step that has ended. Null: jobs of a batch, counted in result.';
COMMENT ON COLUMN chancy.step_ends."from" IS 'Index of the first dependent that has not been counted, or of the first item that has not been made. Null: nothing of the end has been written into the step.';
COMMENT ON COLUMN chancy.step_ends.state IS 'How it ended: succeeded, failed, cancelled or skipped. Or map: items are to be made; or counted: jobs of a batch.';
COMMENT ON COLUMN chancy.step_ends.result IS 'What the job returned, if it succeeded.';
COMMENT ON COLUMN chancy.step_ends.error IS 'Why it did not succeed.';

COMMENT ON TABLE chancy.job_steps IS 'What durable jobs have recorded: a row a step, in the order in which results came. Kept as long as the job.';
COMMENT ON COLUMN chancy.job_steps.job_id IS 'The durable job.';
COMMENT ON COLUMN chancy.job_steps.n IS 'The order in which results came, from 1.';
COMMENT ON COLUMN chancy.job_steps.started_at IS 'When the step began.';
COMMENT ON COLUMN chancy.job_steps.ended_at IS 'When its result came.';
COMMENT ON COLUMN chancy.job_steps.kind IS 'Which call of the context made it: step, transaction, sleep, signal, any, invoke, invoke-all, push, send-signal or version.';
COMMENT ON COLUMN chancy.job_steps.name IS 'Its name, unique in a run of the job.';
COMMENT ON COLUMN chancy.job_steps.result IS 'What it gave. Null where it failed.';
COMMENT ON COLUMN chancy.job_steps.error IS 'How it failed. Null where it did not.';

COMMENT ON TABLE chancy.signals IS 'Signals of durable jobs, in their order. One without a key goes when it is taken, the others stay until their job has ended. Written by send_signals, leave_signal and save_steps; removed by resume, drop_signals and sweep_durable.';
COMMENT ON COLUMN chancy.signals.id IS 'Number, in the order of arrival.';
COMMENT ON COLUMN chancy.signals.job_id IS 'Durable job that it is for.';
COMMENT ON COLUMN chancy.signals.sent_at IS 'When it was sent.';
COMMENT ON COLUMN chancy.signals.taken_at IS 'When its job took it. Null: it is unread.';
COMMENT ON COLUMN chancy.signals.untold IS 'Whether its job may wait for it without knowing that it is there: it came with a transaction of the sender, or while another one held the job. Cleared by wake.';
COMMENT ON COLUMN chancy.signals.name IS 'Name of the signal.';
COMMENT ON COLUMN chancy.signals.key IS 'The same key for the same job counts once: k: and the key of the sender, or t: and the number of one call, so that it can be sent again. Null: none.';
COMMENT ON COLUMN chancy.signals.value IS 'What it carries, any JSON. Null in JSON once it was taken.';

COMMENT ON SEQUENCE chancy.signals_id_seq IS 'Numbers of signals, in the order of arrival.';

COMMENT ON TABLE chancy.job_values IS 'Values that durable jobs have set to be looked at, kept as long as the job.';
COMMENT ON COLUMN chancy.job_values.job_id IS 'The durable job.';
COMMENT ON COLUMN chancy.job_values.key IS 'Name of the value.';
COMMENT ON COLUMN chancy.job_values.value IS 'The value, any JSON.';
