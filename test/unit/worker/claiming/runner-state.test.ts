import { describe, expect, it } from 'vitest'
import {
  dueness,
  INITIAL_STATE,
  mayFindJobs,
  quietMs,
  type RunnerEvent,
  type RunnerPhase,
  type RunnerState,
  transition,
} from '../../../../src/worker/claiming/runner-state.ts'

const AT_MS = 10_000
const POLL_MS = 1_000

/** One state of each phase, with the backlog that the phase implies or outlasts. */
const STATES: Readonly<Record<string, RunnerState>> = {
  idle: {
    ...INITIAL_STATE,
    phase: 'idle',
    scannedAtMs: AT_MS,
    idle: { emptyAtMs: AT_MS, quietUntilMs: 0 },
  },
  claiming: { ...INITIAL_STATE, phase: 'claiming' },
  backlog: { ...INITIAL_STATE, phase: 'backlog', hasBacklog: true },
  saturated: { ...INITIAL_STATE, phase: 'saturated' },
  'saturated with a backlog': { ...INITIAL_STATE, phase: 'saturated', hasBacklog: true },
  suspended: { ...INITIAL_STATE, phase: 'suspended' },
  'suspended with a backlog': { ...INITIAL_STATE, phase: 'suspended', hasBacklog: true },
}

const answered = { kind: 'answered', atMs: AT_MS + 1, requested: 10 } as const

const EVENTS = {
  woken: { kind: 'woken' },
  suspended: { kind: 'suspended' },
  saturated: { kind: 'saturated', isShort: false },
  begun: { kind: 'begun' },
  offered: { kind: 'offered' },
  'answered in full': { ...answered, scanned: 10, isComplete: false },
  'answered in part': { ...answered, scanned: 9, isComplete: false },
  'answered with all there is': { ...answered, scanned: 9, isComplete: true },
  'answered by a closed queue': { ...answered, requested: 0, scanned: 0, isComplete: true },
  failed: { kind: 'failed', refused: null },
  'handed over': { kind: 'handed-over' },
  'seen empty': { kind: 'seen-empty', atMs: AT_MS + 1, quietUntilMs: AT_MS + POLL_MS },
} satisfies Record<string, RunnerEvent>

/** The phase after each event; in the order of `STATES`. */
const TABLE: Readonly<Record<keyof typeof EVENTS, readonly RunnerPhase[]>> = (() => {
  const kept = Object.values(STATES).map(({ phase }) => phase)
  const all = (phase: RunnerPhase): RunnerPhase[] => kept.map(() => phase)
  /** Only a pass ends `suspended`. */
  const unlessSuspended = (phase: RunnerPhase): RunnerPhase[] =>
    kept.map((before) => (before === 'suspended' ? before : phase))
  const notIdle = kept.map((phase) => (phase === 'idle' ? 'claiming' : phase))
  return {
    woken: kept,
    suspended: all('suspended'),
    saturated: all('saturated'),
    begun: ['claiming', 'claiming', 'backlog', 'claiming', 'backlog', 'claiming', 'backlog'],
    offered: notIdle,
    'answered in full': unlessSuspended('backlog'),
    'answered in part': unlessSuspended('claiming'),
    'answered with all there is': unlessSuspended('idle'),
    'answered by a closed queue': unlessSuspended('claiming'),
    failed: unlessSuspended('claiming'),
    'handed over': notIdle,
    'seen empty': kept,
  }
})()

const CASES = Object.entries(STATES).flatMap(([name, state], row) =>
  Object.entries(EVENTS).map(([kind, event]) => ({
    name,
    kind,
    state,
    event: event as RunnerEvent,
    phase: TABLE[kind as keyof typeof EVENTS][row],
  })),
)

describe('the phase of a runner', () => {
  it.each(CASES)('that is $name and is $kind becomes $phase', ({ state, event, phase }) => {
    const next = transition(state, event)
    expect(next.phase).toBe(phase)
    expect(next.idle !== null).toBe(phase === 'idle')
    if (phase === 'backlog') expect(next.hasBacklog).toBe(true)
    if (phase === 'idle' || phase === 'claiming') expect(next.hasBacklog).toBe(false)
  })
})

describe('a backlog', () => {
  it('outlasts a pass that finds no slot, and one that may not claim', () => {
    for (const event of [EVENTS.saturated, EVENTS.suspended]) {
      expect(transition(STATES.backlog!, event).hasBacklog).toBe(true)
    }
  })

  it.each([
    ['is there when as many rows were scanned as could be claimed', 10, 10, true],
    ['is there when more rows were scanned, since some were parked', 10, 25, true],
    ['is not there when fewer rows were scanned', 10, 9, false],
    ['is not there when nothing could be claimed', 0, 0, false],
  ] as const)('%s', (_, requested, scanned, hasBacklog) => {
    const event = { ...answered, requested, scanned, isComplete: false }
    expect(transition(STATES.suspended!, event).hasBacklog).toBe(hasBacklog)
    expect(transition(STATES.backlog!, event).hasBacklog).toBe(hasBacklog)
  })

  it('is forgotten when a claim fails', () => {
    expect(transition(STATES.backlog!, EVENTS.failed).hasBacklog).toBe(false)
  })
})

describe('a pending wake-up', () => {
  const woken = transition(STATES.claiming!, EVENTS.woken)

  it('ends when the next claim begins, and not before', () => {
    const { suspended, saturated, begun } = EVENTS
    for (const event of [suspended, saturated]) {
      expect(transition(woken, event).wakePending).toBe(true)
    }
    expect(transition(woken, begun).wakePending).toBe(false)
  })

  it('is not ended by the answer of a claim, which may have begun before it', () => {
    expect(transition(woken, EVENTS['answered with all there is']).wakePending).toBe(true)
  })

  it('stands for a pass that failed, or that found the executor short of capacity', () => {
    expect(transition(STATES.claiming!, EVENTS.failed).wakePending).toBe(true)
    const isShort = { kind: 'saturated', isShort: true } as const
    expect(transition(STATES.claiming!, isShort).wakePending).toBe(true)
  })
})

describe('the most jobs of a claim', () => {
  it('are a quarter of one that the server refused, and at least one', () => {
    const refused = (jobs: number): number =>
      transition(STATES.claiming!, { kind: 'failed', refused: jobs }).maxClaim
    expect([refused(100), refused(7), refused(1)]).toEqual([25, 1, 1])
  })

  it('stay as they are when a claim failed for another reason', () => {
    expect(transition(STATES.claiming!, EVENTS.failed).maxClaim).toBe(1_000)
  })

  it('double with each answer, up to a thousand', () => {
    let state = { ...STATES.claiming!, maxClaim: 300 }
    const seen = [1, 2, 3].map(() => {
      state = transition(state, EVENTS['answered in part'])
      return state.maxClaim
    })
    expect(seen).toEqual([600, 1_000, 1_000])
  })
})

describe('when a job ends, another claim', () => {
  const scanned = { ...STATES.claiming!, scannedAtMs: AT_MS }
  it.each([
    ['finds nothing new right after a scan that found all', scanned, 500, true, false],
    ['may find what was ready before a lost notification', scanned, 1_001, true, true],
    ['may find more while no notification arrives', scanned, 1, false, true],
    ['may find more of a backlog', { ...scanned, hasBacklog: true }, 1, true, true],
    ['may find what a wake-up was about', { ...scanned, wakePending: true }, 1, true, true],
  ] as const)('%s', (_, state, afterMs, isLive, mayFind) => {
    expect(mayFindJobs(state, AT_MS + afterMs, isLive)).toBe(mayFind)
  })
})

describe('an idle runner', () => {
  const idle = STATES.idle!

  it('is due for a scan of many queues before its own poll, and no other runner is', () => {
    expect(dueness(idle, AT_MS + 150, POLL_MS)).toBe('early')
    expect(dueness(idle, AT_MS + 300, POLL_MS)).toBe('near')
    expect(dueness(idle, AT_MS + 500, POLL_MS)).toBe('due')
    expect(dueness(STATES.claiming!, AT_MS + 90_000, POLL_MS)).toBe('early')
  })

  it('polls by itself until another scan found its queue empty', () => {
    expect(quietMs(idle, AT_MS + 500)).toBe(0)
    const seen = transition(idle, { kind: 'seen-empty', atMs: 10_500, quietUntilMs: 11_400 })
    expect(quietMs(seen, 10_600)).toBe(800)
    expect(dueness(seen, 10_600, POLL_MS)).toBe('early')
    expect(quietMs(seen, 11_800)).toBe(0)
  })

  it('takes no notice of a scan from before it was idle', () => {
    const seen = { kind: 'seen-empty', atMs: AT_MS - 1, quietUntilMs: 11_000 } as const
    expect(transition(idle, seen)).toBe(idle)
    expect(transition(STATES.claiming!, seen)).toBe(STATES.claiming)
  })

  it('keeps nothing of an earlier idle time', () => {
    const seen = transition(idle, EVENTS['seen empty'])
    const again = transition(transition(seen, EVENTS.begun), EVENTS['answered with all there is'])
    expect(again.idle).toEqual({ emptyAtMs: AT_MS + 1, quietUntilMs: 0 })
    expect(quietMs(again, AT_MS + 2)).toBe(0)
  })
})
