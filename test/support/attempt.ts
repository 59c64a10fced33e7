import type { AttemptUpdate, RunningJob } from 'chancy/plugin'

/** What `afterAttempt` is given: the second of three attempts, unless the test says otherwise. */
export function attemptOf(
  job: Partial<RunningJob>,
  update: Pick<AttemptUpdate, 'state' | 'delayMs'>,
): AttemptUpdate {
  const running: RunningJob = {
    id: '01890000-0000-7000-8000-000000000001',
    name: 'send',
    queue: 'mail',
    args: {},
    state: 'running',
    priority: 0,
    attempts: 2,
    maxAttempts: 3,
    createdAt: new Date(0),
    scheduledAt: null,
    startedAt: new Date(0),
    finishedAt: null,
    uniqueKey: null,
    concurrencyKey: null,
    limits: null,
    errors: [],
    progress: null,
    meta: {},
    workerId: null,
    result: null,
    ...job,
  }
  return { job: running, meta: running.meta, ...update }
}
