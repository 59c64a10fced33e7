import { checkOptions, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'

/** The lengths of points, in milliseconds, and how long points of each are kept by default. */
export const STEPS = [
  { name: '10s', ms: 10_000, keep: '15m' },
  { name: '1m', ms: 60_000, keep: '6h' },
  { name: '5m', ms: 300_000, keep: '3d' },
  { name: '1h', ms: 3_600_000, keep: '60d' },
  { name: '1d', ms: 86_400_000, keep: '730d' },
] as const

export type StepName = (typeof STEPS)[number]['name']

export interface Step {
  readonly name: StepName
  readonly ms: number
  readonly keepMs: number
}

/** A range is read at the shortest step that has at most this many points in it. */
const MOST_POINTS = 400
/** A step that was asked for may have this many. */
const MAX_POINTS = 10_000

/**
 * The steps with how long each is kept. Ten seconds are kept for 15 minutes: that long a flush may be repeated.
 *
 * @throws {ConfigError}
 */
export function stepsOf(retention: unknown): readonly Step[] {
  const [shortest, ...others] = STEPS
  const names = others.map(({ name }) => name)
  const given = checkOptions(retention, names, 'metrics: retention')
  return [
    { ...shortest, keepMs: durationMs(shortest.keep, 'keep') },
    ...others.map(({ name, ms, keep }) => {
      const keepMs = durationMs(given[name] ?? keep, `metrics: retention["${name}"]`)
      if (keepMs >= 2 * ms) return { name, ms, keepMs }
      throw new ConfigError(
        `metrics: retention["${name}"]: expected at least two points, got ${inspect(given[name])}.`,
      )
    }),
  ]
}

/**
 * Which points to read of a range.
 *
 * @throws {ConfigError} for a step that is not stored, or that has too many points in the range
 */
export function stepOf(
  wanted: Duration | undefined,
  range: { readonly fromMs: number; readonly toMs: number; readonly nowMs: number },
  steps: readonly Step[],
): Step {
  const { fromMs, toMs, nowMs } = range
  const pointsOf = ({ ms }: Step): number => Math.ceil((toMs - fromMs) / ms)
  const last = steps.at(-1)
  if (last === undefined) throw new TypeError('no steps')
  if (wanted === undefined) {
    const isFit = (step: Step): boolean =>
      pointsOf(step) <= MOST_POINTS && nowMs - fromMs <= step.keepMs
    return steps.find(isFit) ?? steps.find((step) => pointsOf(step) <= MAX_POINTS) ?? last
  }
  const ms = durationMs(wanted, 'getMetrics: step')
  const step = steps.find((one) => one.ms === ms)
  if (step === undefined) {
    const names = steps.map(({ name }) => name).join(', ')
    throw new ConfigError(`getMetrics: step: expected one of ${names}, got ${inspect(wanted)}.`)
  }
  if (pointsOf(step) <= MAX_POINTS) return step
  throw new ConfigError(
    `getMetrics: ${pointsOf(step)} points of ${step.name} lie in this range, and ${MAX_POINTS} are the most. Take a longer step.`,
  )
}
