import { type Duration, durationMs } from '../../core/duration.ts'
import type { GivenOptions, PluginAccess, PluginCommand } from '../../plugin/index.ts'
import type { MetricsPoint } from './points.ts'
import type { Step } from './steps.ts'

/** `chancy metrics` and `chancy metrics prometheus`. */
export const commandsOf = (steps: readonly Step[]): readonly PluginCommand[] => [
  {
    name: 'metrics',
    summary: 'list attempts and their times by a step of time',
    options: {
      queue: { type: 'text', summary: 'of this queue' },
      name: { type: 'text', summary: 'of jobs of this name' },
      last: { type: 'text', summary: 'how far back', default: '1h' },
      step: { type: 'text', summary: '10s, 1m, 5m, 1h or 1d; default: what fits the range' },
    },
    run: (access, given) => rowsOf(access, given, steps),
    show: (rows) => (rows as readonly Row[]).map(shortRow),
  },
  {
    name: 'metrics prometheus',
    summary: 'print everything as text for Prometheus',
    run: async (access) => {
      const { textOf } = await import('./metrics-text.ts')
      return (await textOf(access)).trimEnd()
    },
  },
]

async function rowsOf(
  access: PluginAccess,
  { queue, name, last, step }: GivenOptions,
  steps: readonly Step[],
): Promise<readonly Row[]> {
  const lastMs = durationMs(last, '--last')
  const { pointsOf } = await import('./points.ts')
  const points = await pointsOf(
    access,
    {
      ...(queue === undefined ? {} : { queue: String(queue) }),
      ...(name === undefined ? {} : { name: String(name) }),
      ...(step === undefined ? {} : { step: step as Duration }),
      from: new Date(access.clock.now() - lastMs),
    },
    steps,
  )
  return points.map(({ at, waitMs, runMs, cpuMs, ...counts }) => ({
    at,
    ...counts,
    waitP50: rounded(waitMs.p50),
    waitP99: rounded(waitMs.p99),
    runP50: rounded(runMs.p50),
    runP99: rounded(runMs.p99),
    cpuMs: rounded(cpuMs.sum),
  }))
}

/** A point of the series; times in milliseconds. */
type Row = Omit<MetricsPoint, 'waitMs' | 'runMs' | 'cpuMs'> &
  Readonly<Record<'waitP50' | 'waitP99' | 'runP50' | 'runP99' | 'cpuMs', number | null>>

/** What has a place in a terminal: without the year, and without counts that are zero. */
function shortRow({ at, retried, cancelled, crashed, ...rest }: Row): object {
  const { started, succeeded, failed, waitP50, waitP99, runP50, runP99, cpuMs } = rest
  return {
    at: at.toISOString().slice(5, 19).replace('T', ' '),
    ...{ started, succeeded, failed },
    ...{ retried: retried || null, cancelled: cancelled || null, crashed: crashed || null },
    ...{ waitP50, waitP99, runP50, runP99, cpuMs },
  }
}

/** Three digits are more than a bucket tells. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Number(ms.toPrecision(3))
}
