/** One job of each special kind, and whether each ended as it should. */
import type { AttemptFailure, Chancy, QueuedJob, Reference } from 'chancy'
import type { Report } from './check.ts'
import { later, onlyOnce, spin, stumble, takeMemory, waitForCancel } from './jobs.ts'

const DELAY_MS = 2_000
const PUSHES = 200

export interface Specials {
  readonly stumbling: Reference<{ succeededAt: number }>
  readonly scheduled: Reference<string>
  readonly cancelled: Reference
  readonly greedy: Reference
  readonly spinning: Reference
}

/** Pushed before the files, so that all this happens beside other work. */
export async function pushSpecials(chancy: Chancy, signal: AbortSignal): Promise<Specials> {
  const [stumbling, scheduled, cancelled, greedy, spinning] = await Promise.all([
    chancy.push(stumble),
    chancy.push(later.job.withDelay(DELAY_MS)),
    chancy.push(waitForCancel),
    chancy.push(takeMemory),
    chancy.push(spin),
  ])
  await chancy.waitForJob(cancelled, { states: ['running'], timeout: '30s', signal })
  const verdict = await chancy.cancel(cancelled)
  if (verdict !== 'requested') throw new Error(`the cancel of a running job said "${verdict}"`)
  return { stumbling, scheduled, cancelled, greedy, spinning }
}

/** Many concurrent callers push one unique job. Its delay keeps it waiting until all have pushed. */
export function pushUnique(chancy: Chancy): Promise<Reference<number>[]> {
  const callers = Array.from({ length: PUSHES }, (_, caller) => caller)
  return Promise.all(
    callers.map((caller) => chancy.push(onlyOnce.job.withArgs({ caller }).withDelay('1s'))),
  )
}

export async function checkSpecials(
  chancy: Chancy,
  { stumbling, scheduled, cancelled, greedy, spinning }: Specials,
  unique: readonly Reference<number>[],
  signal: AbortSignal,
): Promise<Report> {
  const wait = { timeout: '60s', signal } as const
  const report: Report = { lines: [], faults: [] }
  const say = (what: string, isRight: boolean, found: string): void => {
    report.lines.push(`  ${isRight ? 'ok   ' : 'WRONG'} ${what}: ${found}`)
    if (!isRight) report.faults.push(`${what}: ${found}`)
  }

  const first = await chancy.waitForJob(stumbling, wait)
  const kinds = first.errors.map(({ kind }) => kind).join(' ')
  say(
    'failed twice, then succeeded',
    first.state === 'succeeded' && first.attempts === 3 && kinds === 'error error',
    `${first.state} after ${first.attempts} attempts, errors kept: ${first.errors.length}`,
  )

  const second = await chancy.waitForJob(scheduled, wait)
  const aheadMs = msBetween(second.createdAt, second.scheduledAt)
  const lateMs = msBetween(second.scheduledAt, second.startedAt)
  say(
    'scheduled two seconds ahead',
    second.state === 'succeeded' && Math.abs(aheadMs - DELAY_MS) < 1 && lateMs >= 0,
    `${second.state}, started ${lateMs.toFixed(0)} ms after its time`,
  )

  const ids = new Set(unique.map(({ id }) => id))
  const created = unique.filter((reference) => reference.created).length
  const winner = unique.findIndex((reference) => reference.created)
  const [reference] = unique as [Reference<number>, ...Reference<number>[]]
  const third = await chancy.waitForJob(reference, wait)
  const rows = await chancy.listJobs({ name: onlyOnce.job.name })
  say(
    `unique, pushed ${PUSHES} times concurrently`,
    third.state === 'succeeded' &&
      third.result === winner &&
      [ids.size, created, rows.length, third.attempts].every((count) => count === 1),
    `${third.state}, made ${created}, stored ${rows.length}, attempts ${third.attempts}`,
  )

  const fourth: QueuedJob = await chancy.waitForJob(cancelled, wait)
  const kind = fourth.errors.at(-1)?.kind
  say(
    'cancelled while running',
    fourth.state === 'cancelled' && kind === 'cancelled' && fourth.progress === 'received',
    `${fourth.state}, its signal ${fourth.progress === 'received' ? 'was received' : 'was not received'}`,
  )

  const limited = [
    { what: 'takes 1 GiB, may 256 MiB', reference: greedy, expected: 'memory' },
    { what: 'spins, may 1 s', reference: spinning, expected: 'timeout' },
  ] as const
  for (const { what, reference, expected } of limited) {
    const ended: QueuedJob = await chancy.waitForJob(reference, wait)
    const failure = ended.errors.at(-1)
    say(
      what,
      ended.state === 'failed' && ended.attempts === 1 && failure?.kind === expected,
      `${ended.state}, kind ${failure?.kind ?? 'none'}${usageOf(failure)}`,
    )
  }
  return report
}

/** What the attempt had used when it was ended. */
function usageOf(failure: AttemptFailure | undefined): string {
  if (failure?.usage === undefined) return ''
  const { wallMs, peakBytes } = failure.usage
  const mib = peakBytes === null ? '' : ` and ${Math.round(peakBytes / 1_024 ** 2)} MiB`
  return `, ended after ${(wallMs / 1_000).toFixed(1)} s${mib}`
}

function msBetween(from: Date | null, to: Date | null): number {
  return from === null || to === null ? Number.NaN : to.getTime() - from.getTime()
}
