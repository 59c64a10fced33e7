import type { WorkKind } from './peer.ts'

/** A line of the table, and what is done for it. */
export type Row = { readonly name: string; readonly label: string } & Measured & What

interface Measured {
  readonly unit: 'jobs/s' | 'ms' | 'MiB'
  /** Another number of the same measurement: `p50` and `p99` are one run. */
  readonly figure: string
  /** Rows that share a measurement have its name. */
  readonly measurement: string
}

export type What =
  | { readonly what: 'push'; readonly callers: number }
  | { readonly what: 'bulk' }
  | { readonly what: 'drain'; readonly kind: WorkKind; readonly groups?: number }
  | { readonly what: 'latency'; readonly apart: boolean; readonly load: boolean }
  | { readonly what: 'memory' }

export const rows: readonly Row[] = [
  ...[1, 10, 100].map((callers) => ({
    ...rate(`push-${callers}`),
    label: `push, ${callers} caller${callers === 1 ? '' : 's'}`,
    what: 'push' as const,
    callers,
  })),
  { ...rate('bulk'), label: 'bulk push', what: 'bulk' },
  { ...rate('drain'), label: 'drain, inline', what: 'drain', kind: 'inline' },
  { ...rate('drain-process'), label: 'drain, 2 processes', what: 'drain', kind: 'process' },
  { ...rate('drain-thread'), label: 'drain, 2 threads', what: 'drain', kind: 'thread' },
  {
    ...rate('drain-groups'),
    label: 'drain, 10,000 groups of max 1',
    what: 'drain',
    kind: 'inline',
    groups: 10_000,
  },
  ...latencies(false, false),
  ...latencies(false, true),
  ...latencies(true, false),
  ...latencies(true, true),
  {
    name: 'memory',
    label: 'memory of the worker, drained',
    unit: 'MiB',
    figure: 'rss',
    measurement: 'memory',
    what: 'memory',
  },
  {
    name: 'memory-growth',
    label: 'its growth, first to last third',
    unit: 'MiB',
    figure: 'growth',
    measurement: 'memory',
    what: 'memory',
  },
]

function rate(name: string) {
  return { name, measurement: name, unit: 'jobs/s', figure: 'rate' } as const
}

function latencies(apart: boolean, load: boolean): Row[] {
  const measurement = `latency${apart ? '-apart' : ''}-${load ? 'load' : 'idle'}`
  return ['p50', 'p99'].map((figure) => ({
    name: `${measurement}-${figure}`,
    label: `latency ${figure}, ${apart ? '2 processes' : '1 process'}, ${load ? 'under load' : 'idle'}`,
    unit: 'ms',
    figure,
    measurement,
    what: 'latency',
    apart,
    load,
  }))
}
