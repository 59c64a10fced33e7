import type { FilterKey } from '../../core/filter/filter-key.ts'
import type {
  Bounds,
  FilterTerm,
  JobFilter,
  NameMatch,
  StateWord,
} from '../../core/filter/job-filter.ts'
import {
  above,
  complement,
  intersection,
  type Ranges,
  thresholds,
  union,
} from '../../core/filter/number-ranges.ts'
import { type TimeSetting, timeRange } from '../../core/filter/time-text.ts'
import { FINISHED_STATES, JOB_STATES, type JobState } from '../../core/queued-job.ts'
import { ALL_IDS, type IdRange, idRange, sharedIds } from './id-ranges.ts'
import type { JobQuery } from './job-query.ts'
import { pathOfScalars } from './json-path.ts'
import { likeOf, sharedPatterns } from './name-patterns.ts'

/** A filter as conditions that all hold, before a path is chosen. */
export type Conditions = Omit<JobQuery, 'path' | 'live' | 'history' | 'is_running'> & {
  /** The states that are left. None: no job fits. */
  readonly left: readonly JobState[]
  /** Whether no job can fit, whatever its state. */
  readonly isEmpty: boolean
}

const WORDS: Readonly<Record<StateWord, readonly JobState[]>> = {
  ...(Object.fromEntries(JOB_STATES.map((state) => [state, [state]])) as Record<
    JobState,
    JobState[]
  >),
  waiting: ['pending', 'retrying'],
  finished: FINISHED_STATES,
}
const SETS = {
  ...{ queue: 'queues', group: 'groups', unique: 'uniques', worker: 'workers' },
  ...{ workflow: 'workflows', kind: 'kinds', failure: 'failures' },
} as const
const TIMES = ['created', 'scheduled', 'started', 'finished'] as const
const NUMBERS = ['wait', 'wall', 'cpu', 'memory', 'attempts', 'priority'] as const
/** Fields of jobs that have finished: no other job has them. */
const OF_FINISHED: readonly string[] = ['finished', 'wall', 'cpu', 'memory']
const ALL_NAMES: readonly NameMatch[] = [{ prefix: '' }]
const VALUES: readonly FilterKey[] = ['args', 'meta', 'schedule']
const WHOLE: readonly string[] = ['attempts', 'priority']

/** The terms that may have this key. */
type Of<Key extends FilterKey, Term = FilterTerm> = Term extends { readonly key: infer Keys }
  ? Key extends Keys
    ? Term
    : never
  : never

/** What the terms of a filter say together. */
export function compileFilter({ terms }: JobFilter, setting: TimeSetting): Conditions {
  const of = <Key extends FilterKey>(key: Key): Of<Key>[] =>
    terms.filter((term) => term.key === key) as unknown as Of<Key>[]
  const sets = Object.entries(SETS).map(([key, field]) => {
    const given = of(key as keyof typeof SETS)
    return setsOf(key === 'failure' ? given.map(storedFingerprints) : given, field)
  })
  const ranges = [
    ...TIMES.map((key) => [key, timesOf(of(key), setting)] as const),
    ...NUMBERS.map((key) => [key, numbersOf(of(key), WHOLE.includes(key))] as const),
  ].flatMap(([key, found]) => (found === null ? [] : [{ key, ...found }]))
  let left = statesOf(of('state'))
  if (ranges.some(({ key, nulls }) => OF_FINISHED.includes(key) && !nulls))
    left = left.filter((state) => (FINISHED_STATES as readonly JobState[]).includes(state))
  const ids = idsOf(of('id'))
  const names = namesOf(of('name'))
  const all = [...sets, ids, names]
  return {
    ...Object.assign({}, ...all.map(({ fields }) => fields)),
    ...Object.fromEntries(
      ranges.flatMap(({ key, bounds, nulls }) => [
        [key, bounds],
        ...(key === 'created' || WHOLE.includes(key) ? [] : [[`${key}_null`, nulls]]),
      ]),
    ),
    ...(left.length === JOB_STATES.length ? {} : { states: left }),
    ...jsonOf('args', of('args')),
    ...jsonOf('meta', [...of('meta'), ...of('schedule').map(scheduleTerm)]),
    has_value: terms.some(({ key, not }) => VALUES.includes(key) && not !== true),
    left,
    isEmpty:
      all.some(({ isEmpty }) => isEmpty) ||
      ranges.some(({ bounds, nulls }) => bounds.length === 0 && !nulls),
  }
}

interface Found {
  readonly fields: Partial<JobQuery>
  readonly isEmpty: boolean
}

function statesOf(terms: readonly Of<'state'>[]): readonly JobState[] {
  return JOB_STATES.filter((state) =>
    terms.every(
      ({ not, values }) => values.some((word) => WORDS[word].includes(state)) !== (not ?? false),
    ),
  )
}

/** Fingerprints are 64 bits: hexadecimal digits in a filter, and a signed number in a row. */
function storedFingerprints(term: { readonly not?: boolean; readonly values: readonly string[] }) {
  const stored = (digits: string) => String(BigInt.asIntN(64, BigInt(`0x${digits}`)))
  return { ...term, values: term.values.map(stored) }
}

function setsOf(
  terms: readonly { readonly not?: boolean; readonly values: readonly string[] }[],
  field: string,
): Found {
  const wanted = terms.filter(({ not }) => not !== true).map(({ values }) => new Set(values))
  const refused = terms.filter(({ not }) => not === true).flatMap(({ values }) => values)
  const [first, ...others] = wanted
  const shared =
    first === undefined ? null : [...first].filter((one) => others.every((set) => set.has(one)))
  return {
    fields: {
      ...(shared === null ? {} : { [field]: shared }),
      ...(refused.length === 0 ? {} : { [`not_${field}`]: [...new Set(refused)] }),
    },
    isEmpty: shared !== null && shared.length === 0,
  }
}

function namesOf(terms: readonly Of<'name'>[]): Found {
  const wanted = terms.filter(({ not }) => not !== true).map(({ values }) => values)
  const refused = terms.filter(({ not }) => not === true).flatMap(({ values }) => values)
  const shared =
    wanted.length === 0 ? null : wanted.reduce<readonly NameMatch[]>(sharedPatterns, ALL_NAMES)
  const [only] = shared ?? []
  return {
    fields: {
      ...(shared === null ? {} : { names: shared.map(likeOf) }),
      ...(shared?.length === 1 && typeof only === 'string' ? { of_name: only } : {}),
      ...(refused.length === 0 ? {} : { not_names: refused.map(likeOf) }),
    },
    isEmpty: shared !== null && shared.length === 0,
  }
}

function idsOf(terms: readonly Of<'id'>[]): Found {
  const wanted = terms.filter(({ not }) => not !== true).map(({ values }) => values.map(idRange))
  const refused = terms.filter(({ not }) => not === true).flatMap(({ values }) => values)
  const shared = wanted.length === 0 ? null : wanted.reduce<readonly IdRange[]>(sharedIds, ALL_IDS)
  const isKnown = shared?.every(({ low, high }) => low === high) ?? false
  const lows = (shared ?? []).map(({ low }) => low)
  const highs = (shared ?? []).map(({ high }) => high)
  const [firstLow] = [...lows].sort()
  return {
    fields: {
      ...(isKnown ? { known: [...new Set(lows)] } : {}),
      ...(shared === null || isKnown || firstLow === undefined
        ? {}
        : { id_lows: lows, id_highs: highs, low: firstLow, high: [...highs].sort().at(-1)! }),
      ...(refused.length === 0
        ? {}
        : {
            not_id_lows: refused.map((one) => idRange(one).low),
            not_id_highs: refused.map((one) => idRange(one).high),
          }),
    },
    isEmpty: shared !== null && shared.length === 0,
  }
}

interface FoundRanges {
  readonly bounds: readonly number[]
  /** Whether a job without the number fits. */
  readonly nulls: boolean
}

function rangesOf(terms: readonly { not?: boolean; ranges: Ranges }[]): FoundRanges | null {
  if (terms.length === 0) return null
  const shared = terms
    .map(({ not, ranges }) => (not === true ? complement(ranges) : union(ranges)))
    .reduce(intersection)
  return {
    bounds: thresholds(shared) ?? [-Number.MAX_VALUE],
    nulls: terms.every(({ not }) => not === true),
  }
}

function timesOf(
  terms: readonly Of<(typeof TIMES)[number]>[],
  setting: TimeSetting,
): FoundRanges | null {
  return rangesOf(
    terms.map(({ key, not, values }) => ({
      ...(not === true ? { not } : {}),
      ranges: values.map((bounds) => {
        const { from, to } = timeRange(bounds, setting, key === 'scheduled')
        return [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY] as const
      }),
    })),
  )
}

function numbersOf(
  terms: readonly Of<(typeof NUMBERS)[number]>[],
  isWhole: boolean,
): FoundRanges | null {
  const next = isWhole ? (number: number) => number + 1 : above
  return rangesOf(
    terms.map(({ not, values }) => ({
      ...(not === true ? { not } : {}),
      ranges: values.map(({ gt, gte, lt, lte }: Bounds<number>) => [
        gt === undefined ? (gte ?? Number.NEGATIVE_INFINITY) : next(gt),
        lte === undefined ? (lt ?? Number.POSITIVE_INFINITY) : next(lte),
      ]),
    })),
  )
}

function jsonOf(
  field: 'args' | 'meta',
  terms: Parameters<typeof pathOfScalars>[0],
): Partial<JobQuery> {
  const path = pathOfScalars(terms)
  return path === null ? {} : { [field]: path }
}

/** The plugin cron writes the key of a schedule into the metadata of its jobs. */
function scheduleTerm({ not, values }: Of<'schedule'>) {
  return { ...(not === true ? { not } : {}), path: ['cron', 'key'], values }
}
