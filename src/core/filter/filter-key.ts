import type { FilterTerm } from './job-filter.ts'

/** What the values of a key are. */
export type ValueKind =
  | 'id'
  | 'word'
  | 'name'
  | 'text'
  | 'time'
  | 'duration'
  | 'size'
  | 'count'
  | 'json'

export type FilterKey = FilterTerm['key']

export interface KeyInfo {
  readonly kind: ValueKind
  /** What it finds, for suggestions and the reference. */
  readonly about: string
}

/** Every key of a filter, in the order in which they are suggested. */
export const FILTER_KEYS: Readonly<Record<FilterKey, KeyInfo>> = Object.freeze({
  state: { kind: 'word', about: 'its state; also waiting and finished' },
  queue: { kind: 'text', about: 'its queue' },
  name: { kind: 'name', about: 'its name; mail.* is every name that begins so' },
  failure: { kind: 'text', about: 'the fingerprint of its last failure' },
  kind: { kind: 'word', about: 'why its last attempt failed, such as timeout' },
  created: { kind: 'time', about: 'when it was pushed: <2h, 2026-03-01, >2026-03-01T12:00Z' },
  finished: { kind: 'time', about: 'when it ended' },
  started: { kind: 'time', about: 'when its latest attempt began' },
  scheduled: { kind: 'time', about: 'the time that its push gave; <2h is the next two hours' },
  args: { kind: 'json', about: 'a field of its arguments: args.user.id:7' },
  meta: { kind: 'json', about: 'a field of its metadata' },
  attempts: { kind: 'count', about: 'attempts begun: >=2' },
  priority: { kind: 'count', about: 'its priority: >0' },
  wait: { kind: 'duration', about: 'from when it could run to its latest start: >5s' },
  wall: { kind: 'duration', about: 'how long its last attempt took: >5s' },
  cpu: { kind: 'duration', about: 'processor time of its last attempt: >1s' },
  memory: { kind: 'size', about: 'the most memory of its last attempt: >100MiB' },
  group: { kind: 'text', about: 'its concurrency group' },
  unique: { kind: 'text', about: 'its unique key' },
  worker: { kind: 'id', about: 'the worker of its latest attempt' },
  workflow: { kind: 'id', about: 'the workflow that it is a step of' },
  schedule: { kind: 'text', about: 'the schedule that pushed it' },
  id: { kind: 'id', about: 'its id, or the first 8 digits of it and more' },
})

export const FILTER_KEY_NAMES = Object.keys(FILTER_KEYS) as readonly FilterKey[]

/** Whether fields below it are named: `args.user.id`. */
export function hasPath(key: FilterKey): key is 'args' | 'meta' {
  return key === 'args' || key === 'meta'
}
