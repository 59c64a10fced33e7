import { randomUUID } from 'node:crypto'
import type { FlowPlan, FlowStep, Hole, RunWhen } from '../../../src/core/workflow/flow-plan.ts'

/** A pseudo-random number from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const RUN_WHEN: readonly RunWhen[] = [
  'all-succeeded',
  'all-succeeded',
  'none-failed',
  'all-ended',
  'any-succeeded',
  'any-failed',
]

export interface StepShape {
  readonly deps?: readonly number[]
  readonly runWhen?: RunWhen
  readonly mayFail?: boolean
  readonly runIf?: FlowStep['runIf']
  readonly map?: FlowStep['map']
  readonly holes?: readonly Hole[]
  readonly args?: Readonly<Record<string, unknown>>
  readonly delayMs?: number
  readonly name?: string
}

/** A step whose job is called `task` and knows by its arguments which step it is. */
export function step(flow: string, n: number, shape: StepShape = {}): FlowStep {
  return {
    name: shape.name ?? `s${n}`,
    job: {
      id: orderedUuid(),
      queue: 'flows',
      name: 'task',
      args: '{}',
      priority: 0,
      maxAttempts: 1,
      scheduledAtMs: null,
      delayMs: null,
      uniqueKey: null,
      isLimited: false,
      extras: null,
    } as NonNullable<FlowStep['job']>,
    deps: shape.deps ?? [],
    runWhen: shape.runWhen ?? 'all-succeeded',
    runIf: shape.runIf ?? null,
    mayFail: shape.mayFail ?? false,
    delayMs: shape.delayMs ?? 0,
    args: {
      value: JSON.stringify({ flow, n, ...shape.args }),
      holes: shape.holes ?? [],
    },
    groupBy: null,
    map: shape.map ?? null,
    begin: null,
    failsWith: [],
  }
}

export function plan(
  steps: (flow: string) => readonly FlowStep[],
  rest: Partial<FlowPlan> = {},
): FlowPlan {
  const id = orderedUuid()
  return {
    id,
    name: 'trial',
    priority: 0,
    uniqueKey: null,
    once: false,
    deadlineMs: null,
    retentionMs: 86_400_000,
    onFailure: 'finish',
    meta: '{}',
    steps: steps(id),
    output: { value: 'null', holes: [] },
    ...rest,
  }
}

/** A graph of `size` steps: every `runWhen`, references, conditions and maps. */
export function randomPlan(random: () => number, size: number): FlowPlan {
  const below = (n: number): number => Math.floor(random() * n)
  return plan(
    (flow) =>
      Array.from({ length: size }, (_, n) => {
        const wanted = n === 0 || random() < 0.15 ? 0 : 1 + below(Math.min(n, 4))
        const deps = [...new Set(Array.from({ length: wanted }, () => below(n)))].sort(
          (a, b) => a - b,
        )
        const first = deps[0]
        const runWhen = RUN_WHEN[below(RUN_WHEN.length)]!
        if (first === undefined) return step(flow, n)
        const kind = random()
        const mayFail = random() < 0.2
        if (kind < 0.12)
          return step(flow, n, {
            deps,
            mayFail,
            map: { over: { step: first, path: ['list'] }, concurrency: random() < 0.3 ? 2 : null },
            holes: [{ at: ['item'], from: 'item', path: [] }],
            args: { item: null },
          })
        if (kind < 0.35)
          return step(flow, n, {
            deps,
            runWhen,
            mayFail,
            holes: [{ at: ['given'], from: first, path: ['n'] }],
            args: { given: null },
          })
        if (kind < 0.5)
          return step(flow, n, { deps, runWhen, mayFail, runIf: { step: first, path: ['yes'] } })
        return step(flow, n, { deps, runWhen, mayFail })
      }),
    { onFailure: random() < 0.15 ? 'cancel' : 'finish' },
  )
}

/** `width` steps, and one behind all of them. */
export const fanIn = (width: number): FlowPlan =>
  plan((flow) => [
    ...Array.from({ length: width }, (_, n) => step(flow, n)),
    step(flow, width, { deps: Array.from({ length: width }, (_, n) => n), runWhen: 'all-ended' }),
  ])

/** One step, `width` behind it, and one behind all of those. */
export const diamond = (width: number): FlowPlan =>
  plan((flow) => [
    step(flow, 0),
    ...Array.from({ length: width }, (_, n) =>
      step(flow, n + 1, { deps: [0], runWhen: 'all-ended' }),
    ),
    step(flow, width + 1, {
      deps: Array.from({ length: width }, (_, n) => n + 1),
      runWhen: 'all-ended',
    }),
  ])

/** A step that gives a list, a job for each of its `width` items, and a step behind all of them. */
export const wideMap = (width: number): FlowPlan =>
  plan((flow) => [
    step(flow, 0, { args: { items: width } }),
    step(flow, 1, {
      deps: [0],
      map: { over: { step: 0, path: ['list'] }, concurrency: null },
      holes: [{ at: ['item'], from: 'item', path: [] }],
      args: { item: null },
    }),
    step(flow, 2, { deps: [1], runWhen: 'all-ended' }),
  ])

/** `depth` layers of `width` steps, each behind all of the layer before. */
export const layers = (depth: number, width: number): FlowPlan =>
  plan((flow) =>
    Array.from({ length: depth * width }, (_, n) => {
      const layer = Math.floor(n / width)
      if (layer === 0) return step(flow, n)
      const deps = Array.from({ length: width }, (_, k) => (layer - 1) * width + k)
      return step(flow, n, { deps, runWhen: 'none-failed' })
    }),
  )

/** Fan-ins, diamonds and maps of `width`, dense layers and random graphs, of `wanted` steps together or a little more. */
export function plansOf(wanted: number, width: number, random: () => number): FlowPlan[] {
  const plans: FlowPlan[] = []
  for (let steps = 0; steps < wanted; ) {
    const made = [
      ...[fanIn(width), diamond(width), wideMap(width), layers(10, 30)],
      ...Array.from({ length: 50 }, () => randomPlan(random, 4 + Math.floor(random() * 26))),
    ]
    plans.push(...made)
    // The items of the map are steps, too.
    steps += width + made.reduce((sum, one) => sum + one.steps.length, 0)
  }
  return plans
}

let last = 0

/** A UUID of version 7. Each is greater than the one before: two of a millisecond would have no order. */
export function orderedUuid(): string {
  last = Math.max(last + 1, Date.now())
  const time = last.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
