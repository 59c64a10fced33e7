import type { Call } from '../call.ts'
import type { WireFinding, WireOverview } from '../shapes/overview.ts'
import type { WireQueue } from '../shapes/queue.ts'
import type { WireWorker } from '../shapes/worker.ts'
import { readAudit } from './audit-routes.ts'
import { readFailures } from './failure-routes.ts'
import { readQueues, unlessMissing } from './queue-state.ts'
import { readWorkers } from './worker-routes.ts'

const FEW = 5
/** An oldest wait or a transaction beyond this needs a hand, in milliseconds. */
const LONG_WAIT_MS = 300_000
const OLD_TRANSACTION_MS = 300_000
/** Of the attempts of a minute, and how many of them at least. */
const [FAILING_RATIO, FEW_ATTEMPTS] = [0.2, 10]

/** Whether all is well, and what is not. */
export async function readOverview(call: Call): Promise<WireOverview> {
  const { reads, permit, clock } = call
  const { queues, gauges } = await readQueues(reads, permit.scope)
  const workers = await readWorkers(call)
  const seesAll = permit.scope.isWhole
  const failures =
    seesAll && permit.allows('failures.view')
      ? await unlessMissing(async () => (await readFailures(call, { limit: FEW })).items)
      : null
  const actions =
    seesAll && permit.allows('audit.view') ? (await readAudit(call, { limit: FEW })).items : null
  const alive = workers.filter((worker) => worker.alive)
  const doubted = alive.filter((worker) => Date.parse(worker.expiresAt) < clock.now())
  return {
    serverTime: new Date(clock.now()).toISOString(),
    totals: totalsOf(queues, alive.length, alive.find(({ isLeader }) => isLeader)?.id ?? null),
    findings: [
      ...queues.flatMap(findingsOf),
      ...doubted.map(({ id, renewedAt }) =>
        finding('lease-doubted', 'warning', id, 'The lease of a worker is not renewed.', renewedAt),
      ),
      ...versionsOf(alive),
      ...(alive.length === 0
        ? [finding('no-worker', 'error', null, 'No worker is alive.', null)]
        : []),
      ...((gauges?.oldestTransactionMs ?? 0) > OLD_TRANSACTION_MS
        ? [
            finding(
              'old-transaction',
              'warning',
              null,
              'A transaction has been open for minutes: dead rows are kept for it.',
              null,
            ),
          ]
        : []),
      ...(failures ?? [])
        .filter(({ isNew, state }) => isNew && state === 'open')
        .map((one) =>
          finding(
            'failure-new',
            'warning',
            one.fingerprint,
            `${one.name}: ${one.error}`,
            one.firstAt,
          ),
        ),
    ],
    queues,
    failures,
    actions,
    hasMetrics: gauges !== null,
  }
}

/** A deployment that is not over, or that some workers were left out of. */
function versionsOf(alive: readonly WireWorker[]): WireFinding[] {
  const versions = [...new Set(alive.flatMap(({ version }) => version ?? []))].sort()
  if (versions.length < 2) return []
  const shown = versions.slice(0, FEW).join(', ')
  const text = `Workers run ${versions.length} versions of the application: ${shown}.`
  return [finding('versions-mixed', 'warning', null, text, null)]
}

function totalsOf(
  queues: readonly WireQueue[],
  workers: number,
  leader: string | null,
): WireOverview['totals'] {
  const sum = (of: (queue: WireQueue) => number | null | undefined): number =>
    queues.reduce((total, queue) => total + (of(queue) ?? 0), 0)
  const rated = queues.filter(({ rates }) => rates !== null)
  const ended = sum(endedOf)
  const oldest = queues.toSorted((a, b) => (b.oldestMs ?? -1) - (a.oldestMs ?? -1))[0]
  const ages = queues.flatMap(({ counts }) => (counts?.ageMs == null ? [] : [counts.ageMs]))
  return {
    waiting: sum(({ counts }) => counts?.waiting),
    running: sum(({ counts }) => counts?.running),
    slots: null,
    scheduled: sum(({ counts }) => counts?.scheduled),
    blocked: sum(({ counts }) => counts?.blocked),
    isEstimate: queues.some(({ counts }) => counts?.isEstimate === true),
    ageMs: ages.length === 0 ? null : Math.max(...ages),
    donePerSecond: rated.length === 0 ? null : sum(({ rates }) => rates?.succeeded) / 60,
    failingRatio: ended === 0 ? null : sum(failedOf) / ended,
    oldestMs: oldest?.oldestMs ?? null,
    oldestQueue: oldest?.oldestMs == null ? null : oldest.name,
    workers,
    leader,
  }
}

function failedOf({ rates }: WireQueue): number {
  return rates === null ? 0 : rates.failed + rates.retried + rates.crashed
}

function endedOf(queue: WireQueue): number {
  const { rates } = queue
  return rates === null ? 0 : failedOf(queue) + rates.succeeded + rates.cancelled
}

function findingsOf(queue: WireQueue): WireFinding[] {
  const { name, state, counts, workers, oldestMs } = queue
  const waits = (counts?.waiting ?? 0) > 0
  const ended = endedOf(queue)
  return [
    ...(state === 'undeclared'
      ? [finding('queue-undeclared', 'error', name, `${name} has jobs and is not declared.`, null)]
      : []),
    ...(state === 'paused'
      ? [finding('queue-paused', 'warning', name, `${name} is paused.`, null)]
      : []),
    ...(state === 'active' && waits && workers === 0
      ? [
          finding(
            'queue-without-worker',
            'error',
            name,
            `${name}: jobs wait, and no worker runs it.`,
            null,
          ),
        ]
      : []),
    // Without a worker that wait says nothing more.
    ...((oldestMs ?? 0) > LONG_WAIT_MS && state === 'active' && workers > 0
      ? [finding('queue-waiting-long', 'warning', name, `${name}: a job waits for minutes.`, null)]
      : []),
    ...(ended >= FEW_ATTEMPTS && failedOf(queue) / ended >= FAILING_RATIO
      ? [
          finding(
            'queue-failing',
            'warning',
            name,
            `${name}: ${failedOf(queue)} of ${ended} attempts of the last minute failed.`,
            null,
          ),
        ]
      : []),
  ]
}

function finding(
  kind: WireFinding['kind'],
  level: WireFinding['level'],
  subject: string | null,
  text: string,
  since: string | null,
): WireFinding {
  return { kind, level, subject, text, since }
}
