import {
  type Chancy,
  chain,
  type EndedWorkflow,
  type Flow,
  job,
  NotFoundError,
  type RunWhen,
  type Step,
  WaitTimedOutError,
  type Workflow,
  WorkflowReference,
  workflow,
} from 'chancy'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { startProcess } from '../support/process.ts'

interface Charge {
  id: string
  wantsMail: boolean
  items: { sku: string; n: number }[]
  none: null
}

/** Jobs that wait until the test lets them: by the name that they are given. */
const gates = new Map<string, () => void>()
const opened = (name: string): void => gates.get(name)?.()

const charge = job({ name: 'charge' }, ({ n }: { n: number }): Charge => {
  const items = Array.from({ length: n }, (_, i) => ({ sku: `sku-${i}`, n: i }))
  return { id: `charge-${n}`, wantsMail: n > 1, items, none: null }
})
const pack = job({ name: 'pack' }, ({ sku, at }: { sku: string; at: number }) => `${sku}@${at}`)
const echo = job({ name: 'echo' }, ({ value }: { value: unknown }) => value)
const ok = job({ name: 'ok' }, () => 'ok')
const bad = job({ name: 'bad' }, () => {
  throw new Error('it broke')
})
const flaky = job({ name: 'flaky' }, ({ times }: { times: number }, context) => {
  if (context.job.attempts <= times) throw new Error('not yet')
  return context.job.attempts
})
const held = job({ name: 'held' }, ({ gate }: { gate: string }, context) => {
  return new Promise<string>((resolve, reject) => {
    gates.set(gate, () => resolve(gate))
    context.signal.addEventListener('abort', () => reject(context.signal.reason))
  })
})
/** Of each text its digit and its length. */
const reads = job({ name: 'reads' }, async ({ of }: { of: string }, { outputs }) => {
  const read: unknown[] = []
  for await (const text of outputs<string>(of))
    read.push(text === null ? null : [Number(text[0]), text.length])
  return read
})
const large = job({ name: 'large' }, ({ n, bytes }: { n: number; bytes: number }) => {
  if (n === 2 && bytes === 0) throw new Error('no text')
  return `${n % 10}`.padEnd(bytes, '.')
})

const schema = testSchema()
let app: TestApp
let chancy: Chancy

beforeAll(async () => {
  app = await startApp({
    schema,
    jobs: [charge, pack, echo, ok, bad, flaky, held, reads, large],
  })
  chancy = app.chancy
  await app.start()
})
afterAll(() => app[Symbol.asyncDispose]())

/** Builds a workflow in place, pushes it and waits for its end. */
async function ran<O>(
  build: (flow: Flow) => O,
  options: Omit<Parameters<typeof workflow>[0], 'name'> = {},
): Promise<EndedWorkflow & { byName: Record<string, string> }> {
  const made = workflow({ name: 'w', ...options }, build)()
  const ended = await chancy.waitForWorkflow(await chancy.push(made), { timeout: '50s' })
  const byName = Object.fromEntries(ended.steps.map(({ name, state }) => [name, state]))
  return { ...ended, byName } as EndedWorkflow & { byName: Record<string, string> }
}

/** Resolves when a held job runs. */
async function running(gate: string): Promise<void> {
  while (!gates.has(gate)) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('A workflow', () => {
  it('gives the outputs of its steps to others, and its own at its end', async () => {
    const order = workflow({ name: 'order', meta: { by: 'ada' } }, (flow, { n }: { n: number }) => {
      const paid = flow.step('pay', charge, { args: { n } })
      const packed = flow.map('pack', paid.output.items, pack, {
        args: (item, index) => ({ sku: item.sku, at: index }),
        concurrency: 2,
      })
      const said = flow.step('say', echo, {
        args: { value: { id: paid.output.id, deep: [packed.output, paid.output.none] } },
        runIf: paid.output.wantsMail,
      })
      return { charge: paid.output.id, parcels: packed.output, said: said.outputOrNull }
    })
    const ref = await chancy.push(order({ n: 3 }))
    expect(ref).toBeInstanceOf(WorkflowReference)
    expect(ref.created).toBe(true)
    const done = await chancy.waitForWorkflow(ref)
    expect(done).toMatchObject({
      ...{ id: ref.id, name: 'order', state: 'succeeded', failure: null, stopping: null },
      ...{ priority: 0, uniqueKey: null, meta: { by: 'ada' } },
      output: {
        charge: 'charge-3',
        parcels: ['sku-0@0', 'sku-1@1', 'sku-2@2'],
        said: { id: 'charge-3', deep: [['sku-0@0', 'sku-1@1', 'sku-2@2'], null] },
      },
    })
    expect(done.steps.map(({ name, state, after, map }) => [name, state, after, map])).toEqual([
      ['pay', 'succeeded', [], null],
      ['pack', 'succeeded', ['pay'], null],
      ['say', 'succeeded', ['pay', 'pack'], null],
      ['pack[0]', 'succeeded', [], 'pack'],
      ['pack[1]', 'succeeded', [], 'pack'],
      ['pack[2]', 'succeeded', [], 'pack'],
    ])
    expect(done.finishedAt?.getTime()).toBeGreaterThanOrEqual(done.createdAt.getTime())
    const said = await chancy.getJob(done.steps[2]!.job!)
    expect(said).toMatchObject({
      name: 'echo',
      args: { value: { id: 'charge-3', deep: [['sku-0@0', 'sku-1@1', 'sku-2@2'], null] } },
    })
  })

  it('can have no step at all', async () => {
    expect(await ran(() => ({ fixed: 1 }))).toMatchObject({
      ...{ state: 'succeeded', output: { fixed: 1 }, steps: [] },
    })
  })

  it('runs a chain in its order', async () => {
    const etl = chain('etl', [
      ok,
      echo.job.withArgs({ value: 7 }),
      ok,
      echo.job.withArgs({ value: 8 }),
    ])
    const done = await chancy.waitForWorkflow(await chancy.push(etl))
    expect(done).toMatchObject({ state: 'succeeded', output: 8 })
    const jobs = await chancy.getJobs(done.steps.map((step) => step.job!))
    for (const [i, one] of jobs.slice(1).entries()) {
      expect(one.startedAt!.getTime()).toBeGreaterThanOrEqual(jobs[i]!.finishedAt!.getTime())
    }
  })

  it('gives its priority to steps whose job has none', async () => {
    const done = await ran(
      (flow) => {
        const a = flow.step('a', ok)
        const b = flow.step('b', ok.job.withPriority(2), { after: [a] })
        flow.step('c', ok, { after: [b] })
      },
      { priority: 5 },
    )
    const jobs = await chancy.getJobs(done.steps.map((step) => step.job!))
    expect(jobs.map(({ priority }) => priority)).toEqual([5, 2, 5])
  })

  it('waits for a step that is retrying', async () => {
    const done = await ran((flow) => {
      const job = flaky.job.withMaxAttempts(3).withBackoff('none')
      const a = flow.step('a', job, { args: { times: 2 } })
      return flow.step('b', echo, { args: { value: a.output } }).output
    })
    expect(done).toMatchObject({ state: 'succeeded', output: 3 })
  })

  it('keeps a step apart until its delay has passed', async () => {
    const done = await ran((flow) => {
      const a = flow.step('a', ok, { delay: '30ms' })
      flow.step('b', ok, { after: [a], delay: '40ms' })
    })
    const [a, b] = await chancy.getJobs(done.steps.map((step) => step.job!))
    expect(a!.startedAt!.getTime() - a!.createdAt.getTime()).toBeGreaterThanOrEqual(30)
    expect(b!.startedAt!.getTime() - a!.finishedAt!.getTime()).toBeGreaterThanOrEqual(40)
  })

  it('takes the key of a concurrency group from an output', async () => {
    const keyed = echo.job.withConcurrency(1, 'value' as never)
    const done = await ran((flow) => {
      const a = flow.step('a', ok)
      flow.step('b', keyed as typeof echo.job, { args: { value: a.output } })
    })
    const [b] = await chancy.getJobs([done.steps[1]!.job!])
    expect(b?.concurrencyKey).toBe('echo:value="ok"')
  })
})

describe('runWhen', () => {
  type Kind = 'succeeds' | 'fails' | 'is skipped'
  const step = (flow: Flow, name: string, kind: Kind): Step<unknown> => {
    if (kind === 'succeeds') return flow.step(name, ok)
    if (kind === 'fails') return flow.step(name, bad, { mayFail: true })
    const never = flow.step(`${name}-condition`, echo, { args: { value: false } })
    return flow.step(name, ok, { runIf: never.output })
  }
  const cases: readonly (readonly [RunWhen, readonly [Kind, Kind], 'succeeded' | 'skipped'])[] = [
    ['all-succeeded', ['succeeds', 'succeeds'], 'succeeded'],
    ['all-succeeded', ['succeeds', 'is skipped'], 'skipped'],
    ['all-succeeded', ['fails', 'succeeds'], 'skipped'],
    ['none-failed', ['succeeds', 'is skipped'], 'succeeded'],
    ['none-failed', ['is skipped', 'is skipped'], 'succeeded'],
    ['none-failed', ['fails', 'is skipped'], 'skipped'],
    ['all-ended', ['fails', 'is skipped'], 'succeeded'],
    ['any-succeeded', ['fails', 'succeeds'], 'succeeded'],
    ['any-succeeded', ['fails', 'is skipped'], 'skipped'],
    ['any-failed', ['fails', 'succeeds'], 'succeeded'],
    ['any-failed', ['succeeds', 'is skipped'], 'skipped'],
  ]
  it('decides by what became of the steps before it', async () => {
    const ended = await ran((flow) => {
      for (const [i, [runWhen, kinds]] of cases.entries()) {
        const after = kinds.map((kind, k) => step(flow, `${i}-${k}`, kind))
        flow.step(`${i}`, ok, { after, runWhen })
      }
    })
    expect(ended.state).toBe('succeeded')
    expect(cases.map((_, i) => ended.byName[`${i}`])).toEqual(cases.map(([, , state]) => state))
  })

  it('runs at the first success or failure, before the others have ended', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const slow = flow.step('slow', held, { args: { gate: 'slow' } })
        const fine = flow.step('fine', ok)
        const broken = flow.step('broken', bad, { mayFail: true })
        flow.step('first', ok, { after: [slow, fine], runWhen: 'any-succeeded' })
        flow.step('alarm', ok, { after: [slow, broken], runWhen: 'any-failed' })
        flow.step('never', ok, { after: [slow, broken] })
      })(),
    )
    await running('slow')
    for (;;) {
      const steps = (await chancy.getWorkflow(ref))!.steps
      const states = Object.fromEntries(steps.map(({ name, state }) => [name, state]))
      if (states.first !== 'succeeded' || states.alarm !== 'succeeded') continue
      expect(states).toMatchObject({ slow: 'running', never: 'skipped' })
      break
    }
    opened('slow')
    expect(await chancy.waitForWorkflow(ref)).toMatchObject({ state: 'succeeded' })
  })

  it('reads what may be missing as null', async () => {
    const done = await ran((flow) => {
      const a = flow.step('a', bad, { mayFail: true })
      const b = flow.step('b', charge, { args: { n: 1 } })
      return flow.step('c', echo, {
        args: { value: [a.outputOrNull, b.outputOrNull.id] },
        runWhen: 'all-ended',
      }).output
    })
    expect(done).toMatchObject({ state: 'succeeded', output: [null, 'charge-1'] })
  })

  it('skips with the reason, as a cancelled job of the kind "skipped"', async () => {
    const skipped = app.next('step.skipped')
    const done = await ran((flow) => {
      const a = flow.step('a', bad, { mayFail: true })
      const b = flow.step('b', ok, { after: [a] })
      flow.step('c', ok, { after: [b] })
    })
    expect(done.byName).toEqual({ a: 'failed', b: 'skipped', c: 'skipped' })
    const [, b, c] = done.steps
    expect(b!.error).toMatchObject({ kind: 'skipped', step: 'a' })
    expect(c!.error).toMatchObject({ kind: 'skipped', step: 'b' })
    expect(await chancy.getJob(b!.job!)).toMatchObject({
      ...{ state: 'cancelled', attempts: 0, startedAt: null },
      errors: [{ kind: 'skipped', message: expect.stringContaining('"a" failed') }],
    })
    expect([b!.job!.id, c!.job!.id]).toContain((await skipped).id)
  })
})

describe('A map', () => {
  const over = (n: number, options: object = {}) =>
    ran((flow) => {
      const paid = flow.step('pay', charge, { args: { n } })
      const packed = flow.map('pack', paid.output.items, pack, {
        args: (item) => ({ sku: item.sku, at: item.n }),
        ...options,
      })
      flow.step('behind', ok, { after: [packed] })
      return packed.output
    })

  it('ends immediately over an empty list', async () => {
    const done = await over(0)
    expect(done).toMatchObject({ state: 'succeeded', output: [] })
    expect(done.byName).toEqual({ pay: 'succeeded', pack: 'succeeded', behind: 'succeeded' })
  })

  it('keeps the order of a long list, whatever order its jobs end in', async () => {
    const done = await over(60, { concurrency: 7 })
    expect(done.output).toEqual(Array.from({ length: 60 }, (_, i) => `sku-${i}@${i}`))
    expect(done.steps).toHaveLength(63)
  })

  it.each([
    ['null', null],
    ['a text', 'abc'],
    ['an object', { length: 2 }],
  ])('fails over %s, which is no list', async (_, value) => {
    const done = await ran((flow) => {
      const list = flow.step('list', echo, { args: { value } })
      const map = flow.map('map', list.output as never, ok, { args: () => ({}) })
      flow.step('behind', ok, { after: [map] })
    })
    expect(done).toMatchObject({ state: 'failed', failure: { step: 'map', kind: 'input' } })
    expect(done.byName).toEqual({ list: 'succeeded', map: 'failed', behind: 'skipped' })
  })

  it('fails with an item that fails', async () => {
    const done = await ran((flow) => {
      const list = flow.step('list', echo, { args: { value: [0, 5, 0] } })
      flow.map('map', list.output as never, flaky, {
        args: (item) => ({ times: item as never }),
      })
    })
    expect(done).toMatchObject({ state: 'failed', failure: { step: 'map', message: 'not yet' } })
    expect(done.byName).toMatchObject({ map: 'failed', 'map[0]': 'succeeded', 'map[1]': 'failed' })
  })

  it('never runs more of its jobs than its concurrency', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const list = flow.step('list', echo, { args: { value: ['m0', 'm1', 'm2', 'm3'] } })
        return flow.map('map', list.output as never, held, {
          args: (item) => ({ gate: item as never }),
          concurrency: 2,
        }).output
      })(),
    )
    await Promise.all([running('m0'), running('m1')])
    const states = async (): Promise<string[]> =>
      (await chancy.getWorkflow(ref))!.steps.filter(({ map }) => map).map(({ state }) => state)
    expect((await states()).filter((state) => state === 'running')).toHaveLength(2)
    opened('m1')
    await running('m2')
    expect(gates.has('m3')).toBe(false)
    opened('m0')
    await running('m3')
    for (const gate of ['m2', 'm3']) opened(gate)
    expect(await chancy.waitForWorkflow(ref)).toMatchObject({ output: ['m0', 'm1', 'm2', 'm3'] })
  })
})

describe('context.outputs', () => {
  const read = (bytes: number, name = 'pack', items = 5) =>
    ran((flow) => {
      const list = flow.step('list', echo, {
        args: { value: Array.from({ length: items }, () => bytes) },
      })
      const map = flow.map('pack', list.output as never, large, {
        args: (item, index) => ({ n: index, bytes: item as never }),
      })
      return flow.step('read', reads, { args: { of: name }, after: [map], runWhen: 'all-ended' })
        .output
    })

  it('reads a list that is too large for an argument, in the order of the items', async () => {
    const { output } = await read(50_000, 'pack', 22)
    expect(output).toEqual(Array.from({ length: 22 }, (_, n) => [n % 10, 50_000]))
  })

  it('gives null for an item that did not succeed, and nothing for an empty list', async () => {
    expect(await read(0)).toMatchObject({
      state: 'failed',
      steps: expect.arrayContaining([
        expect.objectContaining({ name: 'read', state: 'succeeded' }),
      ]),
    })
    expect((await read(9, 'pack', 0)).output).toEqual([])
  })

  it.each([
    ['list', 'the step is no map'],
    ['nothing', 'has no step of this name'],
    ['open', 'the map has not ended'],
  ])('refuses the step "%s": %s', async (of, message) => {
    const done = await ran(
      (flow) => {
        const list = flow.step('list', echo, { args: { value: [1] } })
        flow.map('open', list.output as never, ok, { args: () => ({}), delay: '1h' })
        flow.step('read', reads, { args: { of }, after: [list] })
      },
      { onFailure: 'cancel' },
    )
    expect(done.failure).toMatchObject({ step: 'read', message: expect.stringContaining(message) })
  })

  it('answers to the attempt that holds the job, and to no other', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const list = flow.step('list', echo, { args: { value: ['a', 'b'] } })
        const map = flow.map('pack', list.output as never, ok, { args: () => ({}) })
        flow.step('read', held, { args: { gate: 'reader' }, after: [map] })
      })(),
    )
    await running('reader')
    const answers = await withClient(async (client) => {
      const { rows } = await client.query<{ verdict: string; by: string }>(
        `SELECT verdict, by FROM ${schema}.jobs j,
                (VALUES ('it', 0, 0), ('an older attempt', -1, 0), ('another worker', 0, 1)) v(by, older, other),
                ${schema}.outputs_1(j.id, j.fence + older,
                  CASE other WHEN 0 THEN j.worker_id ELSE j.id END, 'pack', 0)
          WHERE j.owner_id = '${ref.id}' AND j.name = 'held'`,
      )
      return rows.map(({ verdict, by }) => `${by}: ${verdict}`)
    }, databaseUrl(schema))
    opened('reader')
    expect(answers).toEqual([
      'it: item',
      'it: item',
      'it: end',
      'an older attempt: lost',
      'another worker: lost',
    ])
    await chancy.waitForWorkflow(ref)
  })
})

describe('An included workflow', () => {
  const inner = workflow({ name: 'inner' }, (flow, { fails }: { fails: boolean }) => {
    const a = fails ? flow.step('a', bad) : flow.step('a', ok)
    const b = flow.step('b', ok, { after: [a], runWhen: 'all-ended' })
    flow.step('c', ok, { after: [b], runWhen: 'any-failed' })
    return { b: b.output }
  })

  it('ends with its steps, and gives its output', async () => {
    const done = await ran((flow) => {
      const included = flow.include('in', inner({ fails: false }))
      flow.step('behind', ok, { after: [included] })
      return included.output.b
    })
    expect(done).toMatchObject({ state: 'succeeded', output: 'ok' })
    expect(done.byName).toEqual({
      ...{ 'in.a': 'succeeded', 'in.b': 'succeeded', 'in.c': 'skipped', in: 'succeeded' },
      behind: 'succeeded',
    })
  })

  it('fails as one step, which may be allowed to', async () => {
    const build = (mayFail: boolean) => (flow: Flow) => {
      const included = flow.include('in', inner({ fails: true }), { mayFail })
      flow.step('alarm', ok, { after: [included], runWhen: 'any-failed' })
    }
    const failed = await ran(build(false))
    expect(failed).toMatchObject({ state: 'failed', failure: { step: 'in.a' } })
    expect(failed.byName).toEqual({
      ...{ 'in.a': 'failed', 'in.b': 'succeeded', 'in.c': 'skipped', in: 'failed' },
      alarm: 'succeeded',
    })
    expect(await ran(build(true))).toMatchObject({ state: 'succeeded' })
  })

  it('is skipped as a whole, also its steps that run whatever happens', async () => {
    const done = await ran((flow) => {
      const no = flow.step('no', echo, { args: { value: false } })
      const included = flow.include('in', inner({ fails: false }), { runIf: no.output })
      flow.step('behind', ok, { after: [included], runWhen: 'none-failed' })
    })
    expect(done.state).toBe('succeeded')
    expect(done.byName).toEqual({
      ...{ no: 'succeeded', 'in:begin': 'skipped' },
      ...{ 'in.a': 'skipped', 'in.b': 'skipped', 'in.c': 'skipped', in: 'skipped' },
      behind: 'succeeded',
    })
  })
})

describe('A failure', () => {
  it('fails the workflow, and what does not depend on it continues', async () => {
    const done = await ran((flow) => {
      const a = flow.step('a', bad)
      flow.step('refund', ok, { after: [a], runWhen: 'any-failed' })
      const slow = flow.step('slow', ok, { delay: '50ms' })
      flow.step('behind', ok, { after: [slow] })
    })
    expect(done).toMatchObject({
      ...{ state: 'failed', output: null },
      failure: { step: 'a', kind: 'error', message: 'it broke' },
    })
    expect(done.byName).toEqual({
      ...{ a: 'failed', refund: 'succeeded', slow: 'succeeded', behind: 'succeeded' },
    })
  })

  it("cancels the others with onFailure: 'cancel'", async () => {
    const done = await ran(
      (flow) => {
        flow.step('held', held, { args: { gate: 'never' } })
        const gate = flow.step('gate', ok)
        flow.step('bad', bad, { after: [gate], delay: '100ms' })
        flow.step('later', ok, { delay: '1h' })
      },
      { onFailure: 'cancel' },
    )
    expect(done).toMatchObject({ state: 'failed', failure: { step: 'bad' } })
    expect(done.byName).toEqual({
      ...{ held: 'cancelled', gate: 'succeeded', bad: 'failed', later: 'cancelled' },
    })
  })

  it('of arguments that cannot be made is of the kind "input"', async () => {
    const done = await ran((flow) => {
      const big = flow.step('big', echo, { args: { value: 'x'.repeat(600_000) } })
      flow.step('both', echo, { args: { value: [big.output, big.output] } })
    })
    expect(done).toMatchObject({ state: 'failed', failure: { step: 'both', kind: 'input' } })
  })

  it('comes from its deadline', async () => {
    const done = await ran(
      (flow) => {
        const slow = flow.step('slow', held, { args: { gate: 'late' } })
        flow.step('behind', ok, { after: [slow] })
        flow.step('alarm', ok, { after: [slow], runWhen: 'any-failed' })
      },
      { deadline: '300ms' },
    )
    expect(done).toMatchObject({ state: 'failed', failure: { step: null, kind: 'deadline' } })
    expect(done.byName).toEqual({ slow: 'cancelled', behind: 'cancelled', alarm: 'cancelled' })
  })
})

describe('cancelWorkflow', () => {
  it('ends waiting steps and stops running ones, and nothing new starts', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const slow = flow.step('slow', held, { args: { gate: 'cancelled' } })
        flow.step('behind', ok, { after: [slow] })
        flow.step('alarm', ok, { after: [slow], runWhen: 'any-failed' })
      })(),
    )
    await running('cancelled')
    const finished = app.next('workflow.finished', ({ id }) => id === ref.id)
    expect(await chancy.cancelWorkflow(ref)).toBe('requested')
    expect(await chancy.waitForWorkflow(ref)).toMatchObject({ state: 'cancelled', output: null })
    expect((await finished).state).toBe('cancelled')
    const { steps } = (await chancy.getWorkflow(ref))!
    expect(steps.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(await chancy.cancelWorkflow(ref)).toBe('finished')
  })

  it('ends one that has not begun immediately', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const later = flow.step('later', ok, { delay: '1h' })
        flow.step('behind', ok, { after: [later] })
      })(),
    )
    expect(await chancy.cancelWorkflow(ref)).toBe('cancelled')
    expect(await chancy.getWorkflow(ref)).toMatchObject({ state: 'cancelled' })
    expect(await chancy.cancelWorkflow('01890000-0000-7000-8000-000000000000')).toBe('unknown')
  })

  it('is not the cancel of one step, after which the others go by their runWhen', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const later = flow.step('later', ok, { delay: '1h' })
        flow.step('behind', ok, { after: [later] })
        flow.step('alarm', ok, { after: [later], runWhen: 'any-failed' })
      })(),
    )
    const { steps } = (await chancy.getWorkflow(ref))!
    expect(await chancy.cancel(steps[0]!.job!)).toBe('cancelled')
    const done = await chancy.waitForWorkflow(ref)
    expect(done).toMatchObject({ state: 'failed', failure: { step: 'later', kind: 'cancelled' } })
    expect(done.steps.map(({ state }) => state)).toEqual(['cancelled', 'skipped', 'succeeded'])
  })
})

describe('retryWorkflow', () => {
  it('runs what failed again, and what was skipped for it', async () => {
    const build = workflow({ name: 'w' }, (flow) => {
      const a = flow.step('a', ok)
      const b = flow.step('b', flaky, { args: { times: 1 }, after: [a] })
      const c = flow.step('c', echo, { args: { value: b.output } })
      flow.step('alarm', ok, { after: [b], runWhen: 'any-failed' })
      return c.output
    })
    const ref = await chancy.push(build())
    expect(await chancy.waitForWorkflow(ref)).toMatchObject({ state: 'failed' })
    expect(await chancy.retryWorkflow(ref)).toBeGreaterThanOrEqual(2)
    const done = await chancy.waitForWorkflow(ref)
    expect(done).toMatchObject({ state: 'succeeded', output: 2, failure: null })
    expect(done.steps.slice(0, 3).map(({ state }) => state)).toEqual([
      ...['succeeded', 'succeeded', 'succeeded'],
    ])
    const [a] = await chancy.getJobs([done.steps[0]!.job!])
    expect(a?.attempts).toBe(1)
    await expect(chancy.retryWorkflow(ref)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
  })

  it('runs the named steps again with all behind them', async () => {
    const ref = await chancy.push(chain('again', [ok, flaky.job.withArgs({ times: 0 }), ok]))
    await chancy.waitForWorkflow(ref)
    expect(await chancy.retryWorkflow(ref, { steps: ['flaky'] })).toBe(2)
    const done = await chancy.waitForWorkflow(ref)
    const jobs = await chancy.getJobs(done.steps.map((step) => step.job!))
    expect(jobs.map(({ attempts }) => attempts)).toEqual([1, 2, 2])
    await expect(chancy.retryWorkflow(ref, { steps: ['nope'] })).rejects.toThrow(/no step "nope"/)
    await expect(chancy.retryWorkflow(ref, { steps: [] })).rejects.toThrow(/steps: expected/)
    const unknown = '01890000-0000-7000-8000-000000000000'
    await expect(chancy.retryWorkflow(unknown)).rejects.toThrow(NotFoundError)
  })

  it('needs its unique key to be free', async () => {
    const fails = chain('keyed', [bad]).withUniqueKey('retried')
    const first = await chancy.push(fails)
    await chancy.waitForWorkflow(first)
    const held = workflow({ name: 'keyed' }, (flow) => {
      flow.step('later', ok, { delay: '1h' })
    })
    const second = await chancy.push(held().withUniqueKey('retried'))
    await expect(chancy.retryWorkflow(first)).rejects.toMatchObject({ code: 'UNIQUE_KEY_TAKEN' })
    await chancy.cancelWorkflow(second)
    expect(await chancy.retryWorkflow(first)).toBe(1)
    expect(await chancy.waitForWorkflow(first)).toMatchObject({ state: 'failed' })
  })
})

describe('A unique key', () => {
  const once = (key: string, options?: { once: boolean }): Workflow =>
    workflow({ name: 'unique' }, (flow) => {
      flow.step('a', held, { args: { gate: key } })
    })().withUniqueKey(key, options)

  it('lets one workflow run, and gives its reference to a second push', async () => {
    const made = once('key-1')
    const first = await chancy.push(made)
    const others = await Promise.all(Array.from({ length: 8 }, () => chancy.push(made)))
    for (const other of others) {
      expect([other.id, other.created]).toEqual([first.id, false])
    }
    await running('key-1')
    opened('key-1')
    await chancy.waitForWorkflow(first)
    gates.delete('key-1')
    const second = await chancy.push(made)
    expect([second.equals(first), second.created]).toEqual([false, true])
    await running('key-1')
    opened('key-1')
    await chancy.waitForWorkflow(second)
    const listed = await chancy.listWorkflows({ uniqueKey: 'key-1' })
    expect(listed.map(({ id }) => id)).toEqual([second.id, first.id])
  })

  it('stays taken by an ended workflow with once', async () => {
    const made = once('key-2', { once: true })
    const first = await chancy.push(made)
    await running('key-2')
    opened('key-2')
    await chancy.waitForWorkflow(first)
    const second = await chancy.push(made)
    expect([second.id, second.created]).toEqual([first.id, false])
  })
})

describe('A session', () => {
  it('pushes all of a workflow or nothing', async () => {
    const made = chain('in-session', [ok, ok])
    const client = new pg.Client({ connectionString: databaseUrl(schema) })
    await client.connect()
    try {
      await client.query('BEGIN')
      const lost = await chancy.push(made, { session: client })
      await client.query('ROLLBACK')
      expect(await chancy.getWorkflow(lost)).toBe(null)
      await expect(chancy.waitForWorkflow(lost)).rejects.toThrow(NotFoundError)
      await client.query('BEGIN')
      const [one, two] = await chancy.pushMany([made, made.withPriority(1)], { session: client })
      expect(await chancy.getWorkflow(one!)).toBe(null)
      await client.query('COMMIT')
      expect(await chancy.waitForWorkflow(one!)).toMatchObject({ state: 'succeeded' })
      expect(await chancy.waitForWorkflow(two!)).toMatchObject({ state: 'succeeded', priority: 1 })
    } finally {
      await client.end()
    }
  })
})

describe('pushMany', () => {
  it('takes workflows of an iterable, and no jobs between them', async () => {
    function* made() {
      for (const value of [1, 2, 3]) yield chain('many', [echo.job.withArgs({ value })])
    }
    const refs = await chancy.pushMany(made())
    const done = await Promise.all(refs.map((ref) => chancy.waitForWorkflow(ref)))
    expect(done.map(({ output }) => output)).toEqual([1, 2, 3])
    await expect(chancy.pushMany([chain('a', [ok]), ok] as never)).rejects.toThrow(
      /the element 1 is .*Push jobs by a call of their own/,
    )
    await expect(chancy.pushMany([ok, chain('a', [ok])] as never)).rejects.toThrow(/job 1:/)
    function* jobs() {
      yield* [ok, ok]
    }
    expect(await chancy.pushMany(jobs())).toHaveLength(2)
  })
})

describe('listWorkflows', () => {
  it('counts steps by state, newest first, by pages', async () => {
    const name = 'listed'
    const build = workflow({ name }, (flow) => {
      const a = flow.step('a', ok)
      const b = flow.step('b', bad, { after: [a], mayFail: true })
      flow.step('c', ok, { after: [b] })
    })
    const refs = await chancy.pushMany([build(), build(), build()])
    for (const ref of refs) await chancy.waitForWorkflow(ref)
    const page = await chancy.listWorkflows({ name, limit: 2 })
    expect(page.map(({ id }) => id)).toEqual([refs[2]!.id, refs[1]!.id])
    expect(page[0]).toMatchObject({
      ...{ name, state: 'succeeded' },
      counts: { waiting: 0, open: 0, succeeded: 1, failed: 1, cancelled: 0, skipped: 1 },
    })
    const next = await chancy.listWorkflows({ name, after: page[1]! })
    expect(next.map(({ id }) => id)).toEqual([refs[0]!.id])
    expect(await chancy.listWorkflows({ name, state: 'failed' })).toEqual([])
  })
})

describe('explain', () => {
  it('names the open steps that a step waits for', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const after = [
          flow.step('b', held, { args: { gate: 'explained' } }),
          flow.step('a', ok, { delay: '1h' }),
          flow.step('done', ok),
        ]
        flow.step('behind', ok, { after })
      })(),
    )
    await running('explained')
    const { steps } = (await chancy.getWorkflow(ref))!
    await chancy.waitForJob(steps[2]!.job!)
    expect(await chancy.explain(steps[3]!.job!)).toMatchObject({
      ...{ state: 'pending', runnable: false },
      reasons: [
        {
          ...{ kind: 'dependency', workflow: ref.id, hasMore: false },
          waitsFor: [
            { step: 'a', job: steps[1]!.job!.id, state: 'pending' },
            { step: 'b', job: steps[0]!.job!.id, state: 'running' },
          ],
        },
      ],
    })
    await chancy.cancelWorkflow(ref)
    await chancy.waitForWorkflow(ref)
  })
})

describe('waitForWorkflow', () => {
  it('says after its timeout which steps are open', async () => {
    const ref = await chancy.push(
      workflow({ name: 'w' }, (flow) => {
        flow.step('slow', held, { args: { gate: 'waited' } })
      })(),
    )
    await running('waited')
    const error = await chancy.waitForWorkflow(ref, { timeout: '50ms' }).catch((one) => one)
    expect(error).toBeInstanceOf(WaitTimedOutError)
    expect(error.message).toMatch(/had not ended after 50 ms\. Step "slow" is running\./)
    const stop = new AbortController()
    const waiting = chancy.waitForWorkflow(ref, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    opened('waited')
    expect(await chancy.waitForWorkflow(ref)).toMatchObject({ state: 'succeeded' })
  })

  it('is notified of an end in another process', { timeout: 60_000 }, async () => {
    const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
    const other = testSchema()
    await using alone = await startApp({ schema: other })
    const ref = await alone.chancy.push(
      workflow({ name: 'w' }, (flow) => {
        const a = flow.step('a', task, { args: { n: 1 } })
        return flow.step('b', task, { args: { n: a.output } }).output
      })(),
    )
    const waiting = alone.chancy.waitForWorkflow(ref)
    const script = new URL('../support/processes/worker-of.mjs', import.meta.url)
    await using process = startProcess(script, { args: [databaseUrl(other), other] })
    expect(await waiting).toMatchObject({ state: 'succeeded', output: 1 })
    process.send('stop')
    expect(await process.exited).toMatchObject({ code: 0 })
  })
})
