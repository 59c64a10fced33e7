import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { Job } from '../../../src/core/job.ts'
import { job } from '../../../src/core/job-function.ts'
import type { StandardSchemaV1 } from '../../../src/core/standard-schema.ts'
import type { Flow, Step, StepOptions } from '../../../src/core/workflow/flow.ts'
import type { FlowPlan } from '../../../src/core/workflow/flow-plan.ts'
import { WORKFLOW_SPEC, type Workflow } from '../../../src/core/workflow/workflow.ts'
import { chain, workflow } from '../../../src/core/workflow/workflow-function.ts'
import { planOf } from '../../../src/core/workflow/workflow-plan.ts'

const NOW = Date.UTC(2026, 0, 1)

interface Charge {
  id: string
  email: string
  wantsMail: boolean
  items: { sku: string; n: number }[]
}
const charge = job({ name: 'charge' }, (_: { orderId: string }): Charge => ({}) as Charge)
const pack = job({ name: 'pack' }, (_: { sku: string; count: number }) => 'parcel')
const mail = job({ name: 'mail' }, (_: { to: string; parcels?: string[] }) => {})
const refund = job({ name: 'refund' }, (_: { charge: string | null }) => 'refunded')
const tick = job({ name: 'tick' }, () => 1)

const order = workflow({ name: 'order', deadline: '2h' }, (flow, { id }: { id: string }) => {
  const paid = flow.step('pay', charge, { args: { orderId: id } })
  const packed = flow.map('pack', paid.output.items, pack, {
    args: (item, index) => ({ sku: item.sku, count: index }),
    concurrency: 5,
  })
  flow.step('mail', mail, {
    args: { to: paid.output.email, parcels: packed.output },
    runIf: paid.output.wantsMail,
    delay: '5m',
  })
  flow.step('refund', refund, {
    args: { charge: paid.outputOrNull.id },
    after: [packed],
    runWhen: 'any-failed',
    mayFail: true,
  })
  return { charge: paid.output.id, fixed: [1, { parcels: packed.output }] }
})

const planned = (made: Workflow): Promise<FlowPlan> => planOf(made, NOW, (row) => row)
const building = (build: (flow: Flow) => unknown) => (): unknown => workflow({ name: 'w' }, build)()

/** What a build gives without its types, which refuse most of what is tried here. */
function refused(build: (flow: Flow) => unknown, message: RegExp): void {
  expect(building(build)).toThrow(message)
  expect(building(build)).toThrow(ConfigError)
}

describe('The plan of a workflow', () => {
  it('has its steps with dependencies, conditions and templates', async () => {
    const plan = await planned(order({ id: '7' }))
    expect(plan).toMatchObject({
      ...{ name: 'order', priority: 0, deadlineMs: 7_200_000, retentionMs: 604_800_000 },
      ...{ uniqueKey: null, once: false, onFailure: 'finish', meta: '{}' },
      output: {
        value: '{"charge":null,"fixed":[1,{"parcels":null}]}',
        holes: [
          { at: ['charge'], from: 0, path: ['id'] },
          { at: ['fixed', 1, 'parcels'], from: 1, path: [] },
        ],
      },
    })
    expect(plan.steps.map(({ job: _, ...step }) => step)).toEqual([
      {
        ...{ name: 'pay', deps: [], runWhen: 'all-succeeded', runIf: null, mayFail: false },
        ...{ delayMs: 0, map: null, groupBy: null, begin: null, failsWith: [] },
        args: { value: '{"orderId":"7"}', holes: [] },
      },
      {
        ...{ name: 'pack', deps: [0], runWhen: 'all-succeeded', runIf: null, mayFail: false },
        ...{ delayMs: 0, groupBy: null, begin: null, failsWith: [] },
        map: { over: { step: 0, path: ['items'] }, concurrency: 5 },
        args: {
          value: '{"sku":null,"count":null}',
          holes: [
            { at: ['sku'], from: 'item', path: ['sku'] },
            { at: ['count'], from: 'index', path: [] },
          ],
        },
      },
      {
        ...{ name: 'mail', deps: [0, 1], runWhen: 'all-succeeded', mayFail: false },
        ...{ delayMs: 300_000, map: null, groupBy: null, begin: null, failsWith: [] },
        runIf: { step: 0, path: ['wantsMail'] },
        args: {
          value: '{"to":null,"parcels":null}',
          holes: [
            { at: ['to'], from: 0, path: ['email'] },
            { at: ['parcels'], from: 1, path: [] },
          ],
        },
      },
      {
        ...{ name: 'refund', deps: [0, 1], runWhen: 'any-failed', runIf: null, mayFail: true },
        ...{ delayMs: 0, map: null, groupBy: null, begin: null, failsWith: [] },
        args: { value: '{"charge":null}', holes: [{ at: ['charge'], from: 0, path: ['id'] }] },
      },
    ])
    expect(plan.steps.map((step) => step.job?.name)).toEqual(['charge', 'pack', 'mail', 'refund'])
  })

  it('has ids of its own at each push', async () => {
    const made = order({ id: '7' })
    const [one, two] = [await planned(made), await planned(made)]
    const ids = [one, two].flatMap(({ id, steps }) => [id, ...steps.map((step) => step.job?.id)])
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('gives its priority to steps whose job has none', async () => {
    const made = workflow({ name: 'w', priority: 3 }, (flow) => {
      flow.step('a', tick)
      flow.step('b', tick.job.withPriority(-1))
    })()
    expect((await planned(made)).steps.map((step) => step.job?.priority)).toEqual([3, -1])
    const raised = await planned(made.withPriority(9))
    expect(raised.steps.map((step) => step.job?.priority)).toEqual([9, -1])
    expect(raised.priority).toBe(9)
  })

  it('hands each row to the hooks of plugins', async () => {
    const plan = await planOf(order({ id: '7' }), NOW, (row) => ({ ...row, extras: row.name }))
    expect(plan.steps[3]?.job?.extras).toBe('refund')
  })

  it('checks known arguments by the schema of the job, and leaves those with outputs to the run', async () => {
    const schema = {
      '~standard': {
        ...{ version: 1, vendor: 'test' },
        validate: async (value: unknown) =>
          (value as { n: number }).n > 0 ? { value } : { issues: [{ message: 'too small' }] },
      },
    } as StandardSchemaV1<{ n: number }>
    const checked = job({ name: 'checked', schema }, ({ n }) => n)
    const of = (n: number): Workflow =>
      workflow({ name: 'w' }, (flow) => {
        const first = flow.step('first', checked, { args: { n } })
        flow.step('second', checked, { args: { n: first.output } })
      })()
    await expect(planned(of(0))).rejects.toThrow(
      /Workflow "w": the arguments of step "first" .*too small/,
    )
    expect((await planned(of(1))).steps).toHaveLength(2)
  })

  it('makes the key of a concurrency group where the argument is known, and else names the argument', async () => {
    const by = tick.job.withConcurrency(2)
    const perUser = job(
      { name: 'user', args: { user: 7 }, concurrency: { max: 1, key: 'user' } },
      (_: { user: number; other?: number }) => {},
    )
    const made = workflow({ name: 'w' }, (flow) => {
      const a = flow.step('a', by)
      flow.step('b', perUser)
      flow.step('c', perUser, { args: { user: a.output } })
      flow.step('d', perUser, { args: { user: 8, other: a.output } })
    })()
    const { steps } = await planned(made)
    const keys = steps.map(({ job: row, groupBy }) => [
      JSON.parse(row?.extras ?? '').concurrency_key,
      groupBy,
      row?.isLimited,
    ])
    expect(keys).toEqual([
      ['tick', null, true],
      ['user:user=7', null, true],
      [undefined, 'user', true],
      ['user:user=8', null, true],
    ])
  })

  it('refuses an argument as the key of a concurrency group that is no key', () => {
    const keyed = Job.named('echo', {
      args: { value: 1 },
      concurrency: { max: 1, key: 'value' as never },
    })
    refused((flow) => {
      const a = flow.step('a', tick)
      flow.step('b', keyed, { args: { value: { inside: a.output } } })
    }, /expected a text, a number or a boolean from the argument "value", got { inside }/)
  })

  it('refuses a computed concurrency key that reads an output', () => {
    const keyed = pack.job.withConcurrency(1, (args) => args.sku)
    const computed = pack.job.withConcurrency(1, (args) => `${args.sku}:${args.count}`)
    for (const limited of [keyed, computed]) {
      refused((flow) => {
        const paid = flow.step('pay', charge, { args: { orderId: '7' } })
        flow.step('pack', limited, { args: { sku: paid.output.id, count: 1 } })
      }, /step "pack": the concurrency key of job "pack" is a function, and it reads an output/)
    }
    // What it does not read may be unknown.
    building((flow) => {
      const ticked = flow.step('tick', tick)
      flow.step('pack', keyed, { args: { sku: 'a', count: ticked.output } })
    })()
  })
})

describe('An included workflow', () => {
  const inner = workflow({ name: 'inner', priority: 4 }, (flow) => {
    const a = flow.step('a', tick, { delay: '1s' })
    const b = flow.step('b', pack, { args: { sku: 'x', count: a.output }, mayFail: true })
    flow.step('c', tick, { after: [b], runWhen: 'none-failed' })
    return { a: a.output }
  })

  it('has its steps under its name, and an end that fails with those that may not', async () => {
    const { steps } = await planned(
      workflow({ name: 'w' }, (flow) => {
        flow.step('first', tick)
        const included = flow.include('in', inner())
        flow.step('last', pack, { args: { sku: 'y', count: included.output.a } })
      })(),
    )
    expect(
      steps.map(({ name, deps, begin, mayFail, failsWith }) => [
        ...[name, deps, begin, mayFail, failsWith],
      ]),
    ).toEqual([
      ['first', [], null, false, []],
      ['in.a', [], null, true, []],
      ['in.b', [1], null, true, []],
      ['in.c', [2], null, true, []],
      ['in', [1, 2, 3], null, false, [1, 3]],
      ['last', [4], null, false, []],
    ])
    expect(steps[4]).toMatchObject({
      ...{ job: null, runWhen: 'all-ended' },
      args: { value: '{"a":null}', holes: [{ at: ['a'], from: 1, path: [] }] },
    })
    expect(steps[2]?.args.holes).toEqual([{ at: ['count'], from: 1, path: [] }])
    expect(steps[5]?.args.holes).toEqual([{ at: ['count'], from: 4, path: ['a'] }])
    expect(steps.map((step) => step.job?.priority)).toEqual([0, 4, 4, 4, undefined, 0])
  })

  it('has a begin where something is waited for, which decides for all of its steps', async () => {
    const { steps } = await planned(
      workflow({ name: 'w' }, (flow) => {
        const paid = flow.step('pay', charge, { args: { orderId: '7' } })
        const outer = workflow({ name: 'outer' }, (nested) =>
          nested.include('deep', inner(), { after: [nested.step('x', tick)] }),
        )
        expect(() => outer()).toThrow(/its output is the step "deep" itself: pass its output/)
        flow.include('in', inner(), {
          runIf: paid.output.wantsMail,
          delay: '2s',
          mayFail: true,
        })
      })(),
    )
    expect(
      steps.map(({ name, deps, begin, runIf, delayMs }) => [name, deps, begin, runIf, delayMs]),
    ).toEqual([
      ['pay', [], null, null, 0],
      ['in:begin', [0], null, { step: 0, path: ['wantsMail'] }, 0],
      ['in.a', [1], 1, null, 3_000],
      ['in.b', [2], 1, null, 0],
      ['in.c', [3], 1, null, 0],
      ['in', [2, 3, 4], 1, null, 0],
    ])
    expect(steps.map((step) => step.mayFail)).toEqual([false, false, true, true, true, true])
  })

  it('can itself include others', async () => {
    const middle = workflow({ name: 'middle' }, (flow) => {
      const first = flow.step('x', tick)
      return flow.include('deep', inner(), { after: [first] }).output.a
    })
    const { steps, output } = await planned(
      workflow({ name: 'w' }, (flow) => {
        const first = flow.step('first', tick)
        return flow.include('in', middle(), { after: [first] }).output
      })(),
    )
    expect(steps.map(({ name, begin, failsWith }) => [name, begin, failsWith])).toEqual([
      ['first', null, []],
      ['in:begin', null, []],
      ['in.x', 1, []],
      ['in.deep:begin', 1, []],
      ['in.deep.a', 3, []],
      ['in.deep.b', 3, []],
      ['in.deep.c', 3, []],
      ['in.deep', 3, [4, 6]],
      ['in', 1, [2, 3, 7]],
    ])
    expect(output.holes).toEqual([{ at: [], from: 8, path: [] }])
  })

  it('has nothing that only a pushed workflow can have', () => {
    for (const [made, message] of [
      [inner().withUniqueKey('a'), /has a unique key/],
      [inner().withDeadline('1h'), /has a deadline/],
      [workflow({ name: 'i', onFailure: 'cancel' }, () => {})(), /has onFailure: 'cancel'/],
    ] as const) {
      refused((flow) => flow.include('in', made), message)
    }
    refused((flow) => flow.include('in', inner as never), /expected a workflow, got function.*Call/)
    refused((flow) => flow.include('n'.repeat(199), inner()), /at most 200 bytes/)
  })
})

describe('chain()', () => {
  it('runs one job after the other and gives what the last one gives', async () => {
    const plan = await planned(chain('etl', [tick, mail.job.withArgs({ to: 'ada' }), tick.job]))
    expect(plan.steps.map(({ name, deps }) => [name, deps])).toEqual([
      ['tick', []],
      ['mail', [0]],
      ['tick-2', [1]],
    ])
    expect(plan.output).toEqual({ value: 'null', holes: [{ at: [], from: 2, path: [] }] })
    expect(() => chain('etl', [])).toThrow('chain(): expected an array of jobs, got an array of 0.')
    expect(chain({ name: 'etl', priority: 2 }, [tick]).priority).toBe(2)
  })
})

describe('A workflow', () => {
  it('is immutable, and each "with" gives another one', () => {
    const one = order({ id: '7' })
    const two = one
      .withUniqueKey('order:7', { once: true })
      .withPriority(2)
      .withDeadline('1d')
      .withMeta({ by: 'ada' })
    expect(one).toMatchObject({ uniqueKey: null, once: false, priority: 0, meta: {} })
    expect(two).toMatchObject({
      ...{ name: 'order', uniqueKey: 'order:7', once: true, priority: 2 },
      ...{ deadlineMs: 86_400_000, meta: { by: 'ada' } },
    })
    expect(two.stepNames).toEqual(['pay', 'pack', 'mail', 'refund'])
    expect(Object.isFrozen(one) && Object.isFrozen(one[WORKFLOW_SPEC].steps)).toBe(true)
  })

  it('keeps the arguments as they were when it was built', async () => {
    const args = { to: 'ada' }
    const made = workflow({ name: 'w' }, (flow) => {
      flow.step('mail', mail, { args })
    })()
    args.to = 'bob'
    expect((await planned(made)).steps[0]?.args.value).toBe('{"to":"ada"}')
  })

  it('refuses options that are wrong', () => {
    const build = (): void => {}
    const bad = (options: object): unknown => workflow(options as { name: string }, build)
    expect(() => bad({})).toThrow('workflow(): the option "name": expected text, got undefined.')
    expect(() => bad({ name: 'n'.repeat(201) })).toThrow('at most 200 bytes')
    expect(() => bad({ name: 'w', deadlin: 1 })).toThrow('Did you mean "deadline"?')
    expect(() => bad({ name: 'w', deadline: 0 })).toThrow('expected at least 1ms')
    expect(() => bad({ name: 'w', retention: '1m' })).toThrow('expected at least 10m')
    expect(() => bad({ name: 'w', onFailure: 'stop' })).toThrow('expected one of finish, cancel')
    expect(() => bad({ name: 'w', meta: { a: 1n } })).toThrow('meta.a is the BigInt')
    expect(() => bad({ name: 'w', uniqueKey: 'a' })).toThrow('unknown option "uniqueKey"')
    expect(() => workflow({ name: 'w' }, 'x' as never)).toThrow('expected a function')
    const made = order({ id: '7' })
    expect(() => made.withUniqueKey('')).toThrow('Workflow "order": uniqueKey')
    expect(() => made.withUniqueKey('a', { once: 1 as never })).toThrow('expected true or false')
  })
})

describe('A build', () => {
  it('refuses a step that cannot be', () => {
    refused((flow) => flow.step('', tick), /the name of a step: expected text, got ""/)
    refused((flow) => flow.step('ü'.repeat(101), tick), /at most 200 bytes, got 202/)
    refused((flow) => {
      flow.step('a', tick)
      flow.step('a', tick)
    }, /Workflow "w": it has a step "a" already/)
    refused((flow) => flow.step('a', 'tick' as never), /step "a": Expected a job.*Job\.named/)
    refused(
      (flow) => flow.step('a', tick.job.withUniqueKey('k')),
      /step "a": job "tick" has the unique key "k".*Give one to the workflow/,
    )
    refused(
      (flow) => flow.step('a', tick.job.withScheduledAt(new Date())),
      /step "a": job "tick" has a scheduled time, which a step cannot have: it has a delay/,
    )
    refused((flow) => flow.step('a', tick, { runwhen: 1 } as never), /Did you mean "runWhen"/)
    refused((flow) => flow.step('a', tick, { runWhen: 'any-failed' }), /needs a step to wait for/)
    refused((flow) => flow.step('a', mail, { args: { to: 1n as never } }), /args\.to is the BigInt/)
    refused((flow) => flow.step('a', mail, { args: ['x'] as never }), /expected an object/)
    refused(
      (flow) => flow.step('a', mail, { args: { to: 'x'.repeat(2 ** 20) } }),
      /step "a": args is 1\d+ bytes of JSON, more than the limit of 1MiB|is more JSON than/,
    )
    refused((flow) => flow.step('a', tick, { after: ['x' as never] }), /after: expected a step/)
    refused((flow) => flow.step('a', tick, { runIf: true as never }), /decided by an if/)
    refused(
      (flow) => flow.map('a', ['x'] as never, mail, { args: () => ({ to: 'ada' }) }),
      /call flow\.step\(\) in a loop/,
    )
    refused(
      (flow) => flow.map('a', flow.step('b', tick).output as never, mail, {} as never),
      /args: expected a function of an item/,
    )
    refused((flow) => {
      const a = flow.step('a', tick)
      flow.step('b', mail, { args: { to: a as never } })
    }, /step "b": args\["to"\] is the step "a" itself: pass its output/)
    refused(async () => {}, /its build returned a promise/)
  })

  it('takes no step when it has ended', () => {
    let kept: Flow | undefined
    building((flow) => {
      kept = flow
    })()
    expect(() => kept?.step('late', tick)).toThrow('its build has ended')
  })

  it('knows the placeholders of another workflow, and those of an item outside of its map', () => {
    let leaked: unknown
    building((flow) => {
      leaked = flow.step('a', tick).output
    })()
    refused(
      (flow) => flow.step('b', mail, { args: { to: leaked as never } }),
      /a\.output belongs to another workflow: workflow "w"/,
    )
    refused((flow) => {
      const paid = flow.step('pay', charge, { args: { orderId: '7' } })
      flow.map('pack', paid.output.items, pack, {
        args: (item) => {
          leaked = item.sku
          return { sku: item.sku, count: 1 }
        },
      })
      flow.step('mail', mail, { args: { to: leaked as never } })
    }, /item\.sku can be used in the args of its map only: workflow "w": step "pack"/)
  })

  it('asks for outputOrNull where the output may be missing', () => {
    refused((flow) => {
      const paid = flow.step('pay', charge, { args: { orderId: '7' } })
      flow.step('refund', refund, { args: { charge: paid.output.id }, runWhen: 'all-ended' })
    }, /with runWhen: 'all-ended' it can run although "pay" has not succeeded, so pay\.output\.id may be missing\. Read pay\.outputOrNull\.id/)
    refused((flow) => {
      const a = flow.step('a', tick)
      flow.step('b', tick, { runIf: a.output, runWhen: 'none-failed' })
    }, /runIf: .*Read a\.outputOrNull/)
  })

  it('says which steps a workflow can succeed without', () => {
    const output = (options: (a: Step<number>) => StepOptions, first: StepOptions = {}) =>
      building((flow) => {
        const a = flow.step('a', tick, first)
        return flow.step('b', tick, options(a)).output
      })
    const missing =
      /its output: the workflow can succeed without "b", so b\.output may be missing\. Read b\.outputOrNull/
    for (const allowed of [
      output((a) => ({ after: [a] })),
      output((a) => ({ after: [a], runWhen: 'none-failed' })),
      output((a) => ({ after: [a], runWhen: 'all-ended' }), { mayFail: true }),
      output((a) => ({ after: [a], runWhen: 'any-succeeded' })),
    ]) {
      expect(allowed).not.toThrow()
    }
    for (const uncertain of [
      output((a) => ({ runIf: a.output })),
      output(() => ({ mayFail: true })),
      output((a) => ({ after: [a], runWhen: 'any-failed' })),
      output((a) => ({ after: [a] }), { mayFail: true }),
      output((a) => ({ after: [a], runWhen: 'none-failed' }), { mayFail: true }),
      output((a) => ({ after: [a], runWhen: 'any-succeeded' }), { mayFail: true }),
    ]) {
      expect(uncertain).toThrow(missing)
    }
    building((flow) => flow.step('b', tick, { mayFail: true }).outputOrNull)()
  })

  it('counts steps and dependencies', () => {
    const many = (count: number) =>
      building((flow) => {
        for (let i = 0; i < count; i++) flow.step(`s${i}`, tick)
      })
    expect(many(10_000)).not.toThrow()
    expect(many(10_001)).toThrow(expect.objectContaining({ code: 'WORKFLOW_TOO_LARGE' }))
    const dense = (width: number) =>
      building((flow) => {
        const first = Array.from({ length: 400 }, (_, i) => flow.step(`a${i}`, tick))
        for (let i = 0; i < width; i++) flow.step(`b${i}`, tick, { after: first })
      })
    expect(dense(250)).not.toThrow()
    expect(dense(251)).toThrow(/step "b250": a workflow has at most 100,000 dependencies/)
  })
})

describe('A placeholder', () => {
  const used = (use: (output: Charge) => unknown) =>
    building((flow) => {
      use(flow.step('pay', charge, { args: { orderId: '7' } }).output as unknown as Charge)
    })

  it.each<[string, (output: Charge) => unknown, RegExp]>([
    ['text', ({ id }) => `${id}!`, /pay\.output\.id .* cannot be made text/],
    ['added', ({ id }) => `a${id}`, /cannot be made text/],
    ['compared', ({ items }) => items[0]!.n > 1, /pay\.output\.items\[0\]\.n .* compared/],
    ['JSON', (output) => JSON.stringify({ output }), /pay\.output .* cannot be written as JSON/],
    ['toString', ({ id }) => id.toString(), /cannot be made text/],
    ['spread', (output) => ({ ...output }), /cannot be spread or listed/],
    ['list', ({ items }) => [...items], /cannot be iterated: flow\.map\(\)/],
    ['map', ({ items }) => items.map(String), /pay\.output\.items\.map .* cannot be called/],
    ['in', (output) => 'id' in output, /cannot be searched/],
    ['set', (output) => Object.assign(output, { id: 'a' }), /cannot be changed/],
    ['delete', (output) => Reflect.deleteProperty(output, 'id'), /cannot be changed/],
    ['prototype', (output) => Reflect.get(output, '__proto__'), /asked for its prototype/],
    ['weird', (output) => `${Reflect.get(output, 'a b')}`, /pay\.output\["a b"\]/],
  ])('has no value where a build uses it as one: %s', (_, use, message) => {
    expect(used(use)).toThrow(message)
    expect(used(use)).toThrow(ConfigError)
  })

  it('cannot be awaited', async () => {
    let output: unknown
    building((flow) => {
      output = flow.step('a', tick).output
    })()
    await expect(async () => await output).rejects.toThrow(/a\.output\.then .* cannot be called/)
    expect(inspect(output)).toBe('Placeholder(a.output)')
  })

  it('names the dependency wherever it stands', async () => {
    const { steps } = await planned(
      workflow({ name: 'w' }, (flow) => {
        const outputs = ['a', 'b', 'c', 'd'].map((name) => flow.step(name, tick).output)
        const free = Job.named('free')
        flow.step('args', free, { args: { deep: [{ a: outputs[0], b: [outputs[2]] }] } })
        flow.step('whole', free, { args: outputs[1] as never })
        flow.step('after', free, { after: [outputs[3]!], runIf: outputs[0]! })
        flow.map('map', outputs[3] as never, free, { args: () => ({ also: outputs[1] }) })
      })(),
    )
    expect(steps.slice(4).map(({ deps }) => deps)).toEqual([[0, 2], [1], [0, 3], [1, 3]])
    expect(steps[4]?.args).toEqual({
      value: '{"deep":[{"a":null,"b":[null]}]}',
      holes: [
        { at: ['deep', 0, 'a'], from: 0, path: [] },
        { at: ['deep', 0, 'b', 0], from: 2, path: [] },
      ],
    })
  })
})
