import type { Names } from '../names.ts'
import { quoteLiteral } from '../names.ts'
import { change } from './0001/change.ts'
import { claim } from './0001/claim.ts'
import { explain } from './0001/explain.ts'
import { finish } from './0001/finish.ts'
import { floors } from './0001/floors.ts'
import { groups } from './0001/groups.ts'
import { partitions } from './0001/partitions.ts'
import { push } from './0001/push.ts'
import { pushAndClaim } from './0001/push-and-claim.ts'
import { read } from './0001/read.ts'
import { readyQueues } from './0001/ready-queues.ts'
import { recover } from './0001/recover.ts'
import { rights } from './0001/rights.ts'
import { running } from './0001/running.ts'
import { storedText } from './0001/stored-text.ts'
import { surplus } from './0001/surplus.ts'
import { tables } from './0001/tables.ts'
import { unserved } from './0001/unserved.ts'
import { waiters } from './0001/waiters.ts'
import { migration } from './migration.ts'

/** Everything of the first release: tables, days of history, and the engine's functions. */
export const first = migration(1, {
  up: (t) => [
    ...storedText(t),
    ...tables(t),
    ...partitions(t),
    ...surplus(t),
    ...push(t),
    ...groups(t),
    ...floors(t),
    ...claim(t),
    ...pushAndClaim(t),
    ...finish(t),
    ...readyQueues(t),
    ...recover(t),
    ...running(t),
    ...change(t),
    ...explain(t),
    ...read(t),
    ...unserved(t),
    ...waiters(t),
    ...rights(t, FUNCTIONS),
  ],
  down: (t) => [dropFunctions(t), ...dropTables(t), ...dropDomains(t)],
})

const dropTables = (t: Names): string[] => [
  `DROP VIEW ${t.allJobs}`,
  `DROP TABLE ${[
    t.jobs,
    t.finishedJobs,
    t.queues,
    t.workers,
    t.claims,
    t.concurrencyGroups,
    t.rateStarts,
    t.lineFloors,
    t.waiters,
    t.leader,
  ].join(', ')}`,
  `DROP SEQUENCE ${t.own('line')}, ${t.own('front')}, ${t.own('claim_numbers')}`,
]

const dropDomains = (t: Names): string[] => [
  `DROP DOMAIN ${t.own('job_name')}, ${t.own('group_key')}`,
]

const FUNCTIONS = [
  'text_1',
  'push',
  'push_1',
  'moved_1',
  'places_1',
  'surplus_1',
  'new_id',
  'claim_1',
  'push_and_claim_1',
  'held_1',
  'load_1',
  'finish_1',
  'with_error_1',
  'cancelled_entry_1',
  'recover_1',
  'lock_groups_1',
  'ready_1',
  'make_ready_1',
  'sweep_blocked_1',
  'sweep_groups_1',
  'floor_1',
  'raise_floors_1',
  'ready_queues_1',
  'stage_1',
  'get_jobs_1',
  'get_states_1',
  'list_jobs_1',
  'cancelling_1',
  'save_progress_1',
  'cancel_1',
  'retry_1',
  'make_days_1',
  'drop_day_1',
  'analyze_history_1',
  'add_waiters_1',
  'remove_waiters_1',
  'explain_1',
  'explain_queue_1',
  'unserved_1',
]

/** By name and schema, so that the argument lists stand in one place only. */
const dropFunctions = (t: Names): string => `
  DO ${t.body}
  DECLARE
    f regprocedure;
  BEGIN
    FOR f IN
      SELECT p.oid::regprocedure
        FROM pg_proc p
       WHERE p.pronamespace = ${quoteLiteral(t.schema)}::regnamespace
         AND p.proname = ANY (ARRAY[${FUNCTIONS.map((name) => quoteLiteral(name)).join(', ')}])
    LOOP
      EXECUTE 'DROP FUNCTION ' || f::text;
    END LOOP;
  END ${t.body}`
