import { parseArgs } from 'node:util'
import { CURVES, type CurveName } from './curves.ts'

export interface ScaleOptions {
  readonly curves: readonly CurveName[]
  /** Where on its axis each curve is measured; the first sample point is the plain one. */
  readonly samplePoints: Readonly<Record<Exclude<CurveName, 'pinned'>, readonly number[]>>
  /** Jobs that are drained in one measured run. */
  readonly jobs: number
  readonly runs: number
  /** Claims of one job that are timed at each sample point, and by each worker process. */
  readonly claims: number
  readonly minutes: number
  readonly slices: number
  /** How long the plain part of the curve `pinned` takes, in seconds. */
  readonly plainSeconds: number
  /** The curve `pinned` ends early when its schema is larger. */
  readonly maxGib: number
  /** Whether the transaction that pins has an id, as if it had written something. */
  readonly pinWrites: boolean
  readonly durableClaims: boolean
  readonly database: string | undefined
}

/** @throws when a curve is unknown or a number is none */
export function readOptions(): ScaleOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      waiting: { type: 'string', default: '0,1000000,10000000' },
      finished: { type: 'string', default: '0,10000000' },
      queues: { type: 'string', default: '1,10000' },
      'idle-queues': { type: 'string', default: '1,10000' },
      workers: { type: 'string', default: '1,2,4,8,16' },
      waiters: { type: 'string', default: '0,1000' },
      'standing-waiters': { type: 'string', default: '0,1000' },
      jobs: { type: 'string', default: '100000' },
      runs: { type: 'string', default: '3' },
      claims: { type: 'string', default: '50' },
      minutes: { type: 'string', default: '10' },
      slices: { type: 'string', default: '10' },
      'plain-seconds': { type: 'string', default: '60' },
      'max-gib': { type: 'string', default: '60' },
      'pin-writes': { type: 'boolean', default: false },
      'fast-claims': { type: 'boolean', default: false },
      database: { type: 'string' },
    },
  })
  const minutes = positive('minutes', values.minutes)
  return {
    curves: wanted(positionals),
    samplePoints: {
      waiting: numbersOf('waiting', values.waiting),
      finished: numbersOf('finished', values.finished),
      queues: numbersOf('queues', values.queues, 1),
      'idle-queues': numbersOf('idle-queues', values['idle-queues'], 1),
      workers: numbersOf('workers', values.workers, 1),
      waiters: numbersOf('waiters', values.waiters),
      'standing-waiters': numbersOf('standing-waiters', values['standing-waiters']),
    },
    jobs: positive('jobs', values.jobs),
    runs: positive('runs', values.runs),
    claims: positive('claims', values.claims),
    minutes,
    slices: positive('slices', values.slices),
    plainSeconds: Math.min(positive('plain-seconds', values['plain-seconds']), minutes * 60),
    maxGib: positive('max-gib', values['max-gib']),
    pinWrites: values['pin-writes'],
    durableClaims: !values['fast-claims'],
    database: values.database ?? process.env.DATABASE_URL,
  }
}

function wanted(names: readonly string[]): readonly CurveName[] {
  const unknown = names.filter((name) => !CURVES.includes(name as CurveName))
  if (unknown.length > 0) {
    throw new Error(`There is no curve "${unknown[0]}". There are: ${CURVES.join(', ')}.`)
  }
  return names.length === 0 ? CURVES : CURVES.filter((name) => names.includes(name))
}

function numbersOf(name: string, text: string, least = 0): readonly number[] {
  const numbers = text.split(',').map(Number)
  if (numbers.every((number) => Number.isInteger(number) && number >= least)) return numbers
  throw new Error(`--${name} takes whole numbers from ${least} with commas, got "${text}".`)
}

function positive(name: string, text: string): number {
  const number = Number(text)
  if (number > 0) return number
  throw new Error(`--${name} takes a number above 0, got "${text}".`)
}
