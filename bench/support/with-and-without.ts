import type { ChancyOptions } from '../../dist/index.js'
import { Chancy, job, Queue, Worker } from './chancy.ts'
import { median, noteOfLength, perSecond, shown } from './stats.ts'
import { table } from './table.ts'

/** Its queue is `default`, `inline`. */
export const empty = job({ name: 'empty' }, () => {})

/** A job without arguments, of the queue of `newSchema`. */
export type Runnable = Pick<typeof empty, keyof typeof empty>

export interface Comparison {
  readonly database: string
  readonly schema: string
  readonly jobs: number
  readonly rounds: number
  /** What is pushed and drained. Default: `empty`. */
  readonly run?: Runnable
  /** What an application has with the plugin, and without it. */
  readonly optionsOf: (mode: Mode) => ChancyOptions
  /** What the last line says beside the number of jobs. */
  readonly conditions: string
}

export type Mode = 'without' | 'with'

interface Turn {
  readonly pushed: number
  readonly drained: number
  /** CPU time of this process, in microseconds a job. */
  readonly pushCpu: number
  readonly drainCpu: number
}

/** A schema of its own, new and with its queue. */
export async function newSchema(database: string, schema: string): Promise<void> {
  await using setup = new Chancy(database, { schema })
  await setup.migrate({ to: 0 })
  await setup.migrate()
  await setup.declare(new Queue('default', { executor: 'inline' }))
}

/** Pushes and drains empty jobs with a plugin and without it, in turns, and prints medians and ratios. */
export async function compare(comparison: Comparison): Promise<void> {
  const { jobs, rounds, conditions } = comparison
  const turns: Record<Mode, Turn[]> = { without: [], with: [] }
  const order = ['without', 'with'] as const
  for (const mode of order) await turn(comparison, mode)
  for (let round = 0; round < rounds; round++) {
    for (const mode of round % 2 === 0 ? order : order.toReversed())
      turns[mode].push(await turn(comparison, mode))
  }
  const row = (name: string, figure: keyof Turn, digits: number, isRate: boolean): string[] => {
    const of = (mode: Mode): number => median(turns[mode].map((one) => one[figure]))
    const ratio = isRate ? of('with') / of('without') : of('without') / of('with')
    return [name, shown(of('without'), digits), shown(of('with'), digits), shown(ratio * 100, 1)]
  }
  console.log(
    table(
      ['', 'without', 'with', '%'],
      [
        row('pushed jobs/s', 'pushed', 0, true),
        row('drained jobs/s', 'drained', 0, true),
        row('CPU of a push, µs', 'pushCpu', 2, false),
        row('CPU of an attempt, µs', 'drainCpu', 2, false),
      ],
    ),
  )
  console.log(
    `${shown(jobs)} jobs, inline, medians of ${rounds} rounds in turns, Node ${process.version}, ${conditions}`,
  )
  const note = noteOfLength(jobs)
  if (note !== null) console.log(note)
}

async function turn(comparison: Comparison, mode: Mode): Promise<Turn> {
  const { database, schema, jobs: count, run = empty, optionsOf } = comparison
  await using chancy = new Chancy(database, { schema, jobs: run, ...optionsOf(mode) })
  const jobs = Array.from({ length: count }, () => run.job)
  const push = await measured(count, () => chancy.pushMany(jobs))
  const worker = new Worker(chancy)
  const drain = await measured(count, async () => {
    let saved = 0
    const done = new Promise<void>((resolve) => {
      chancy.on('outcomes.saved', (batch) => {
        saved += batch.saved
        if (saved >= count) resolve()
      })
    })
    await worker.start()
    await done
  })
  await worker.stop()
  return { pushed: push.rate, pushCpu: push.cpu, drained: drain.rate, drainCpu: drain.cpu }
}

async function measured(
  count: number,
  work: () => Promise<unknown>,
): Promise<{ rate: number; cpu: number }> {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { rate: perSecond(count, performance.now() - startedAt), cpu: (user + system) / count }
}
