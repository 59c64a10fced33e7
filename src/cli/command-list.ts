import { auditList } from './commands/audit/list.ts'
import { bulkPause, bulkRate, bulkResume, bulkStop, bulkUndo } from './commands/bulk/change.ts'
import { bulkList } from './commands/bulk/list.ts'
import { bulkShow } from './commands/bulk/show.ts'
import { completion } from './commands/completion.ts'
import { demo } from './commands/development/demo.ts'
import { dev } from './commands/development/dev.ts'
import { init } from './commands/development/init.ts'
import { repl } from './commands/development/repl.ts'
import { doctor } from './commands/doctor.ts'
import { explain } from './commands/explain.ts'
import { dashboard } from './commands/http/dashboard.ts'
import { jobCancel } from './commands/job/cancel.ts'
import { jobCount } from './commands/job/count.ts'
import { jobDelete } from './commands/job/delete.ts'
import { jobEdit } from './commands/job/edit.ts'
import { jobFork } from './commands/job/fork.ts'
import { jobList } from './commands/job/list.ts'
import { jobPart } from './commands/job/part.ts'
import { jobPush } from './commands/job/push.ts'
import { jobRetry } from './commands/job/retry.ts'
import { jobRunNow } from './commands/job/run-now.ts'
import { jobShow } from './commands/job/show.ts'
import { jobSignal } from './commands/job/signal.ts'
import { jobSteps } from './commands/job/steps.ts'
import { queueDeclare } from './commands/queue/declare.ts'
import { queueDelete } from './commands/queue/delete.ts'
import { queueList } from './commands/queue/list.ts'
import { queuePause } from './commands/queue/pause.ts'
import { queueResume } from './commands/queue/resume.ts'
import { queueShow } from './commands/queue/show.ts'
import { checkMigrations } from './commands/schema/check-migrations.ts'
import { grant, showGrant } from './commands/schema/grant.ts'
import { migrate } from './commands/schema/migrate.ts'
import { version } from './commands/version.ts'
import { workerList } from './commands/worker/list.ts'
import { workerStart } from './commands/worker/start.ts'
import { top } from './commands/worker/top.ts'
import { workflowCancel } from './commands/workflow/cancel.ts'
import { workflowList } from './commands/workflow/list.ts'
import { workflowRetry } from './commands/workflow/retry.ts'
import { workflowShow } from './commands/workflow/show.ts'
import type { CommandDefinition } from './program/command.ts'

interface CommandGroup {
  readonly heading: string
  readonly commands: readonly CommandDefinition[]
}

/** Chancy's own commands, in the order of the help. */
export const commandGroups: readonly CommandGroup[] = [
  { heading: 'Schema:', commands: [migrate, checkMigrations, grant, showGrant] },
  { heading: 'Workers:', commands: [workerStart, workerList, top, dashboard] },
  {
    heading: 'Queues and jobs:',
    commands: [
      ...[queueList, queueShow, queueDeclare, queuePause, queueResume, queueDelete],
      ...[jobPush, jobList, jobCount, jobShow, jobPart, jobCancel, jobRetry, jobEdit, jobRunNow],
      ...[jobDelete, jobSteps, jobSignal, jobFork],
      explain,
    ],
  },
  {
    heading: 'Acting:',
    commands: [bulkList, bulkShow, bulkPause, bulkResume, bulkRate, bulkStop, bulkUndo, auditList],
  },
  { heading: 'Workflows:', commands: [workflowList, workflowShow, workflowCancel, workflowRetry] },
  { heading: 'Development:', commands: [init, dev, repl, demo] },
  { heading: 'Besides:', commands: [doctor, completion, version] },
]

/** What stands beside a word that has commands below it. */
export const parentSummaries: Readonly<Record<string, string>> = {
  audit: 'list who did what',
  bulk: 'list, pause, slow, stop and undo actions on many jobs',
  job: 'push, find, change, cancel, retry and signal jobs',
  queue: 'declare, list, pause and resume queues',
  schedule: 'list, pause, run and compare schedules',
  trigger: 'list, pause and remove triggers',
  worker: 'start and list workers',
  workflow: 'list, show, cancel and retry workflows',
}
