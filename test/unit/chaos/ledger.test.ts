import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Evidence, type Fault, judge, PushLedger } from '../../chaos/faults/ledger.ts'
import type { Execution } from '../../support/worker-fleet.ts'

const folder = mkdtempSync(join(tmpdir(), 'chancy-ledger-'))
afterAll(() => rmSync(folder, { recursive: true }))

const WORKER = 100
const OTHER = 200

/** The job "a" was pushed, ran in `WORKER` from 1,000 to 2,000, and succeeded; `changes` replace parts of this. */
function evidence(changes: Partial<Evidence> & { readonly refused?: number } = {}): Evidence {
  const pushes = new PushLedger(join(folder, 'push.jsonl'))
  pushes.acknowledge('a')
  for (let n = 0; n < (changes.refused ?? 0); n++) pushes.refuse()
  return {
    pushes,
    executions: run({ fence: 1, from: 1_000, to: 2_000 }),
    finished: [row({})],
    live: 0,
    faults: [],
    savingMs: 500,
    afterMs: 1_000,
    ...changes,
  }
}

interface RunOf {
  readonly id?: string
  readonly fence: number
  readonly pid?: number
  readonly from: number
  readonly to?: number
}

function run({ id = 'a', fence, pid = WORKER, from, to }: RunOf): Execution[] {
  const start: Execution = { what: 'start', id, attempt: 1, fence, pid, at: from }
  return to === undefined ? [start] : [start, { ...start, what: 'end', at: to }]
}

const row = ({
  id = 'a',
  state = 'succeeded',
  fence = 1,
  crashes = 0,
  pid = WORKER as number | null,
}) => ({
  id,
  state,
  fence,
  crashes,
  pid,
})

const twice = [
  ...run({ fence: 1, from: 1_000, to: 2_000 }),
  ...run({ fence: 3, pid: OTHER, from: 1_500, to: 2_500 }),
]
const second = [row({ fence: 3, crashes: 1, pid: OTHER })]

const fault = (changes: Partial<Fault> = {}): Fault => ({
  kind: 'stop',
  pid: WORKER,
  from: 1_200,
  to: 1_400,
  mayRepeat: true,
  ...changes,
})

describe('the ledger', () => {
  it('finds nothing where every job ran once', () => {
    expect(judge(evidence())).toEqual({ jobs: 1, starts: 1, repeats: 0, overlaps: 0, errors: [] })
  })

  it('counts a repeat that a fault of its process explains', () => {
    const verdict = judge(evidence({ executions: twice, finished: second, faults: [fault()] }))
    expect(verdict).toEqual({ jobs: 1, starts: 2, repeats: 1, overlaps: 1, errors: [] })
  })

  it.each([
    ['without a fault', []],
    ['after a fault that may repeat nothing', [fault({ mayRepeat: false })]],
    ['after a fault of another process', [fault({ pid: OTHER })]],
    ['after a fault that was over long before', [fault({ from: -900, to: -800 })]],
    ['before its fault', [fault({ from: 2_600, to: 2_700 })]],
  ] as const)('finds a repeat %s', (_what, faults) => {
    const { errors } = judge(evidence({ executions: twice, finished: second, faults }))
    expect(errors).toEqual([expect.stringContaining('a: run again for no reason')])
  })

  it.each([
    ['a push that was answered and is missing', { finished: [], executions: [] }, 'a: lost'],
    ['a job that is there twice', { finished: [row({}), row({})] }, 'a: finished twice'],
    ['a job that still waits', { live: 1 }, '1 jobs are still waiting or running'],
    [
      'a job that no push answered for',
      {
        finished: [row({}), row({ id: 'b' })],
        executions: [
          ...run({ fence: 1, from: 1_000, to: 2_000 }),
          ...run({ id: 'b', fence: 1, from: 1_000, to: 2_000 }),
        ],
      },
      '1 jobs that no push answered for, and only 0 refused',
    ],
    ['a success that never ran', { executions: [] }, 'a: never ran'],
    ['the outcome of another run', { finished: [row({ fence: 3 })] }, 'a: no run has the fence 3'],
    [
      'a success of a run that did not end',
      { executions: run({ fence: 1, from: 1_000 }) },
      'a: succeeded by a run that did not end',
    ],
    ['the result of another process', { finished: [row({ pid: OTHER })] }, 'a: the result is of'],
    [
      'a failure without its crashes',
      { finished: [row({ state: 'failed', crashes: 1 })] },
      'a: failed after 1 crashes',
    ],
    [
      'a fence that was given twice',
      {
        executions: [
          ...run({ fence: 1, from: 1_000, to: 2_000 }),
          ...run({ fence: 1, pid: OTHER, from: 1_500, to: 1_600 }),
        ],
        faults: [fault()],
      },
      'a: fence 1 after 1',
    ],
  ] as const)('finds %s', (_what, changes, error) => {
    const { errors } = judge(evidence(changes))
    expect(errors).toEqual([expect.stringContaining(error)])
  })

  it('lets as many jobs be there as pushes were refused', () => {
    const both = {
      finished: [row({}), row({ id: 'b' })],
      executions: [
        ...run({ fence: 1, from: 1_000, to: 2_000 }),
        ...run({ id: 'b', fence: 1, from: 1_000, to: 2_000 }),
      ],
    }
    expect(judge(evidence({ ...both, refused: 1 })).errors).toEqual([])
  })
})
