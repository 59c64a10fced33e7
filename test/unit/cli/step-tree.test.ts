import { describe, expect, it } from 'vitest'
import { dotText, mermaidText } from '../../../src/cli/commands/workflow/graph-source.ts'
import { stepTree } from '../../../src/cli/commands/workflow/step-tree.ts'
import { plainStyle } from '../../../src/cli/terminal/style.ts'
import { textWidth } from '../../../src/cli/terminal/text-width.ts'
import type { PushedStep, PushedWorkflow, StepState } from '../../../src/index.ts'

type Optional = Partial<Pick<PushedStep, 'runWhen' | 'map' | 'error'>>

const step = (
  name: string,
  state: StepState,
  after: string[] = [],
  rest: Optional = {},
): PushedStep => ({
  ...{ name, state, after, runWhen: 'all-succeeded', mayFail: false, job: null, map: null },
  ...{ endedAt: null, error: null, ...rest },
})
const failure = (message: string): Optional => ({ error: { step: null, kind: 'error', message } })
const tree = (steps: PushedStep[], columns: number | null = 80): string[] =>
  stepTree({ steps }, { columns, style: plainStyle }).trimEnd().split('\n')
const numbered = <T>(count: number, one: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i))

const order = [
  step('pay', 'succeeded'),
  step('pack', 'running', ['pay']),
  step('mail', 'waiting', ['pay', 'pack']),
  step('refund', 'skipped', ['pay', 'pack'], { runWhen: 'any-failed' }),
  step('a name that is longer than the column of names', 'failed', ['mail'], failure('refused')),
  ...numbered(3, (i) => step(`pack[${i}]`, i < 2 ? 'succeeded' : 'running', [], { map: 'pack' })),
]

describe('the graph of a workflow as text', () => {
  it('has each step once, with what else it waits for beside it', () => {
    expect(tree(order)).toEqual([
      'pay                               succeeded',
      ' ↓ pack                           running    3 items: 2 succeeded, 1 running',
      ' ├─ mail                          waiting    after pay',
      ' │  ↓ a name that is longer tha…  failed     refused',
      ' └─ refund                        skipped    when any-failed; after pay',
    ])
    expect(tree(order, null)[3]).toContain('a name that is longer than the column of names')
  })

  it('never is wider than the terminal, however deep and long', () => {
    const deep = numbered(60, (i) => [
      step(`level ${i}`, 'waiting', i === 0 ? [] : [`level ${i - 1}`], failure('x'.repeat(99))),
      step(`日本語のとても長い名前 ${i}`, 'waiting', [`level ${i}`]),
    ]).flat()
    for (const columns of [40, 80, 132]) {
      for (const line of tree(deep, columns)) expect(textWidth(line)).toBeLessThanOrEqual(columns)
    }
  })

  it('counts what is alike in a wide graph', () => {
    const parts = numbered(40, (i) => step(`part ${i}`, i === 20 ? 'failed' : 'succeeded', ['a']))
    const names = parts.map(({ name }) => name)
    const lines = tree([step('a', 'succeeded'), ...parts, step('join', 'waiting', names)])
    expect(lines).toHaveLength(15)
    expect(lines.slice(10)).toEqual([
      ' ├─ part 9     succeeded',
      ' ├─ part 20    failed',
      ' ├─ part 39    succeeded',
      ' │  ↓ join     waiting    after part 36, part 37, part 38 and 36 more',
      ' └─ … 28 more  succeeded',
    ])
  })

  it('draws a chain of 10,000 steps', () => {
    const chain = numbered(10_000, (i) => step(`s${i}`, 'waiting', i === 0 ? [] : [`s${i - 1}`]))
    const lines = tree(chain)
    expect(lines).toHaveLength(10_000)
    expect(lines.at(-1)).toBe(' ↓ s9999  waiting')
  })

  it('obeys nothing that a name holds', () => {
    expect(tree([step('a\u001b[2J\nb', 'failed', [], failure('c\u0007'))])).toEqual([
      'a\\x1b[2J\\nb  failed  c\\x07',
    ])
  })
})

describe('the graph for other programs', () => {
  const odd = 'x"];<b>`\n\\'
  const workflow = {
    name: 'say "hi"',
    steps: [
      step(odd, 'failed'),
      step('b', 'waiting', [odd]),
      step('b[0]', 'waiting', [], { map: 'b' }),
    ],
  } as unknown as PushedWorkflow

  it('escapes names for Graphviz', () => {
    expect(dotText(workflow).split('\n').slice(3)).toEqual([
      '  s0 [label="x\\"];<b>`\\\\n\\\\\\nfailed", color="#cf222e"];',
      '  s1 [label="b\\nwaiting"];',
      '  s0 -> s1;',
      '}',
    ])
    expect(dotText(workflow)).toMatch(/^digraph "say \\"hi\\"" \{/)
  })

  it('escapes names for Mermaid', () => {
    expect(mermaidText(workflow).split('\n')).toEqual([
      'flowchart LR',
      '  s0["x#34;#93;#59;#60;b#62;#96;#92;n#92;<br>failed"]',
      '  s1["b<br>waiting"]',
      '  s0 --> s1',
      '  classDef failed stroke:#cf222e',
      '  class s0 failed',
    ])
  })
})
