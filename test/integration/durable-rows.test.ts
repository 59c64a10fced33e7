import { beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/reference.ts'
import { testApplication } from '../support/application.ts'
import { endedOrWaiting } from '../support/lock-wait.ts'
import { type Mutant, withMutant } from '../support/mutant.ts'

const app = testApplication()
const { schema } = app
const WORKER = '01890000-0000-7000-8000-000000000001'
const OTHER = '01890000-0000-7000-8000-000000000002'

interface Held {
  readonly id: string
  readonly fence: number
  readonly ctid: string
}

beforeEach(async () => {
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity'), ($2, 'infinity')`, [
    WORKER,
    OTHER,
  ])
  await app.sql(`INSERT INTO $queues (name) VALUES ('default')`)
})

const named = (text: string): string => text.replace(/\$([a-z_]+)/g, `${schema}.$1`)

/** Jobs that a worker runs. */
async function running(count: number, worker = WORKER): Promise<Held[]> {
  const ids = Array.from({ length: count }, () => newId(Date.now()))
  await app.sql(
    `SELECT * FROM $push_1($1::uuid[], '{default}', '{order}', array_fill('{}'::text, ARRAY[$2::int]), '{0}', '{5}',
       NULL, NULL, NULL, NULL, false, 0, NULL)`,
    [ids, count],
  )
  return claim(worker)
}

async function claim(worker = WORKER): Promise<Held[]> {
  return app.sql<Held & Record<string, unknown>>(
    `SELECT id::text AS id, fence::int AS fence, ctid::text AS ctid
       FROM $claim_1('default', $1, 10000, '{order}', true) WHERE id IS NOT NULL ORDER BY id`,
    [worker],
  )
}

const waitFor = (...signals: string[]) => ({
  kind: 'signal',
  name: signals.join('|'),
  signals,
  since_ms: 0,
})

const PARK = `SELECT id, verdict, queue FROM $finish_2(
  $1::uuid, $2::tid[], $3::uuid[], $4::bigint[], array_fill('pending'::text, ARRAY[cardinality($2::tid[])]),
  NULL, NULL, NULL, array_fill(1, ARRAY[cardinality($2::tid[])]), NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL,
  array_fill($5::text, ARRAY[cardinality($2::tid[])])) WHERE verdict IS NOT NULL`

const parkValues = (held: readonly Held[], park: object, worker = WORKER) => [
  worker,
  held.map(({ ctid }) => ctid),
  held.map(({ id }) => id),
  held.map(({ fence }) => fence),
  JSON.stringify(park),
]

const park = (held: readonly Held[], waits: readonly object[]) =>
  app.sql<{ id: string | null; verdict: string; queue: string | null }>(
    PARK,
    parkValues(held, { waits }),
  )

const SEND = `SELECT n, verdict, "left", runs, woken
  FROM $send_signals_1($1::uuid[], $2::text[], $3::text[], $4::text[], $5, false)`

async function send(id: string, name: string, value: unknown, key: string | null = null) {
  const [row] = await app.sql<{
    verdict: string
    left: boolean
    runs: boolean
    woken: string | null
  }>(SEND, [[id], [name], [JSON.stringify(value)], [key], true])
  return row
}

async function rowOf(id: string) {
  const [row] = await app.sql<{
    state: string
    waits: string | null
    position: string | null
    run_at: Date | null
    attempts: number
    crashes: number
    extras: Record<string, unknown> | null
    args: unknown
  }>(
    'SELECT state, waits, position, run_at, attempts, crashes, extras, args FROM $jobs WHERE id = $1',
    [id],
  )
  return row
}

interface StoredRecord {
  readonly id: string
  readonly n: number | null
  readonly kind: string
  readonly name: string
  readonly result: string | null
}

async function resume(held: readonly Held[], names: string[] | null = null, worker = WORKER) {
  const rows = await app.sql<StoredRecord & Record<string, unknown>>(
    'SELECT id, n, kind, name, result FROM $resume_jobs_1($1, $2::uuid[], $3::bigint[], $4::text[])',
    [
      worker,
      held.map(({ id }) => id),
      held.map(({ fence }) => fence),
      names === null ? null : held.map(() => JSON.stringify(names)),
    ],
  )
  return rows.filter(({ n }) => n !== null)
}

interface Save {
  readonly held: Held
  readonly steps?: readonly string[]
  readonly extras?: object
}

const SAVE = `SELECT job, last, changed, signaled
  FROM $save_steps_1($1::uuid, $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
         $9::float8[], $10::float8[], $11::text[], $12)`

function saveValues(saves: readonly Save[], again = false, worker = WORKER, kind = 'step') {
  const steps = saves.flatMap(({ steps: of = [] }, at) => of.map((name) => ({ name, job: at + 1 })))
  return [
    worker,
    saves.map(({ held }) => held.id),
    saves.map(({ held }) => held.fence),
    steps.map(({ job }) => job),
    steps.map(() => kind),
    steps.map(({ name }) => name),
    steps.map(({ name }) => JSON.stringify({ z: 1, of: name })),
    steps.map(() => null),
    steps.map(() => 1_000),
    steps.map(() => 2_000),
    saves.map(({ extras }) => (extras === undefined ? null : JSON.stringify(extras))),
    again,
  ]
}

const save = (saves: readonly Save[], again = false, worker = WORKER, kind = 'step') =>
  app.sql<{ job: number; last: number; changed: string | null; signaled: string | null }>(
    SAVE,
    saveValues(saves, again, worker, kind),
  )

describe('a durable job that waits', () => {
  it('has no position and costs no attempt, and gets its signals in the order in which they came', async () => {
    const held = await running(1)
    const { id } = held[0]!
    expect(await park(held, [waitFor('a'), waitFor('b', 'a')])).toEqual([])
    expect(await rowOf(id)).toMatchObject({
      ...{ state: 'pending', waits: 'wait', position: null, run_at: null, attempts: 0 },
    })
    expect(await claim()).toEqual([])
    expect(await send(id, 'c', 0)).toMatchObject({ verdict: 'sent', woken: null })
    expect(await send(id, 'b', { by: 'ada' })).toMatchObject({ verdict: 'sent', woken: 'default' })
    expect(await send(id, 'a', 2)).toMatchObject({ verdict: 'sent', woken: 'default' })
    expect(await send(id, 'a', 3)).toMatchObject({ verdict: 'sent', woken: 'default' })
    const again = await claim()
    expect(await resume(again)).toMatchObject([
      { n: 1, name: 'b|a', result: '{"by": "ada"}' },
      { n: 2, name: 'a', result: '2' },
    ])
    const left = await app.sql(
      'SELECT name, value FROM $signals WHERE taken_at IS NULL ORDER BY id',
    )
    expect(left).toEqual([
      { name: 'c', value: 0 },
      { name: 'a', value: 3 },
    ])
    // What was given is given again, and nothing is taken a second time.
    expect(await resume(again)).toHaveLength(2)
    expect(await resume(again, ['a', 'b|a'])).toHaveLength(2)
    expect(await resume([{ ...again[0]!, fence: again[0]!.fence - 1 }])).toEqual([])
  })

  it('is ready immediately when its signal came before it waited', async () => {
    const held = await running(2)
    await send(held[0]!.id, 'a', 1)
    expect(await park(held, [waitFor('a')])).toEqual([
      { id: null, verdict: 'ready', queue: 'default' },
    ])
    expect((await rowOf(held[0]!.id))?.waits).toBeNull()
    expect((await rowOf(held[1]!.id))?.waits).toBe('wait')
  })

  it('gets what came first of a signal and the end of its timeout', async () => {
    const held = await running(3)
    const [late, early, none] = held as [Held, Held, Held]
    await park(held, [{ ...waitFor('a'), after_ms: 3_600_000 }])
    for (const { id } of [late, early]) await send(id, 'a', 1)
    // The timeout has passed a second ago, of one before its signal and of the other after it.
    await app.sql(
      `UPDATE $jobs SET run_at = now() - interval '1 s',
         extras = jsonb_set(extras, '{open,0,until_ms}', to_jsonb(extract(epoch FROM now() - interval '1 s') * 1000))`,
    )
    await app.sql(`UPDATE $signals SET sent_at = now() - interval '2 s' WHERE job_id = $1`, [
      early.id,
    ])
    const [staged] = await app.sql<{ staged: number }>('SELECT staged FROM $stage_1(10, NULL)')
    expect(staged?.staged).toBe(1)
    expect((await rowOf(none.id))?.waits).toBeNull()
    const records = await resume(await claim())
    const resultOf = ({ id }: Held) => records.find((record) => record.id === id)?.result
    expect([late, early, none].map(resultOf)).toEqual(['null', '1', 'null'])
  })

  it('keeps the time of a sleep over a second attempt', async () => {
    const [first] = (await running(1)) as [Held]
    const sleep = { kind: 'sleep', name: 'sleep 1', signals: [], since_ms: 0, after_ms: 86_400_000 }
    await park([first], [sleep])
    const before = (await rowOf(first.id))?.run_at
    await app.sql('UPDATE $jobs SET waits = NULL, position = 1')
    const [second] = (await claim()) as [Held]
    await park([second], [sleep, waitFor('a')])
    expect((await rowOf(first.id))?.run_at).toEqual(before)
  })
})

const WITHOUT_LOCK: Mutant = { from: /ORDER BY j\.id FOR NO KEY UPDATE\)/g, to: 'ORDER BY j.id)' }

/** A signal that is sent while the transaction that parks its job is open. What the job waits for when both have ended. */
async function sentBesidePark(): Promise<string | null> {
  const held = await running(1)
  const { id } = held[0]!
  const [parking, sending] = [await app.client(), await app.client()]
  await parking.query('BEGIN')
  await parking.query(named(PARK), parkValues(held, { waits: [waitFor('a')] }))
  const sent = sending.query(named(SEND), [[id], ['a'], ['1'], [null], true])
  await endedOrWaiting(sending, sent)
  await parking.query('COMMIT')
  await sent
  return (await rowOf(id))?.waits ?? null
}

describe('a signal beside a job that is about to wait', () => {
  it('wakes the job whichever of the two transactions ends first', async () => {
    expect(await sentBesidePark()).toBeNull()
    const held = await running(1)
    const [sending, parking] = [await app.client(), await app.client()]
    await sending.query('BEGIN')
    await sending.query(named(SEND), [[held[0]!.id], ['a'], ['1'], [null], true])
    const parked = parking.query(named(PARK), parkValues(held, { waits: [waitFor('a')] }))
    await endedOrWaiting(parking, parked)
    await sending.query('COMMIT')
    await parked
    expect((await rowOf(held[0]!.id))?.waits).toBeNull()
  })

  it('is missed by a sender that does not lock the job', async () => {
    await withMutant(schema, 'send_signals_1', WITHOUT_LOCK, async () => {
      expect(await sentBesidePark()).toBe('wait')
    })
  })

  it('is missed by a park that does not look for it', async () => {
    const blind = { from: /AND j\.waits = 'wait' AND EXISTS/, to: "AND j.waits = '' AND EXISTS" }
    const sentBefore = async (): Promise<string | null> => {
      const held = await running(1)
      await send(held[0]!.id, 'a', 1)
      await park(held, [waitFor('a')])
      return (await rowOf(held[0]!.id))?.waits ?? null
    }
    expect(await sentBefore()).toBeNull()
    await withMutant(schema, 'finish_2', blind, async () => {
      expect(await sentBefore()).toBe('wait')
    })
  })

  it('holds up no job from the transaction of a caller, and is found after its commit', async () => {
    const held = await running(1)
    const { id } = held[0]!
    const caller = await app.client()
    await caller.query('BEGIN')
    const left = await caller.query(named(`SELECT $signal($1, 'a', '1') AS verdict`), [id])
    expect(left.rows).toEqual([{ verdict: 'sent' }])
    await park(held, [waitFor('a')])
    expect((await rowOf(id))?.waits).toBe('wait')
    expect(await app.sql('SELECT * FROM $wake_signaled_1(10)')).toEqual([])
    await caller.query('COMMIT')
    expect(await app.sql('SELECT job, queue, found FROM $wake_signaled_1(10)')).toEqual([
      { job: id, queue: 'default', found: 0 },
      { job: null, queue: null, found: 1 },
    ])
    expect((await rowOf(id))?.waits).toBeNull()
    expect(await app.sql('SELECT * FROM $wake_signaled_1(10)')).toEqual([])
  })
})

describe('what is sent', () => {
  it('counts once by its key, also when it was taken', async () => {
    const held = await running(1)
    const { id } = held[0]!
    await park(held, [waitFor('a')])
    await send(id, 'a', 1, 'k:1')
    await send(id, 'a', 2, 'k:1')
    const [again] = (await claim()) as [Held]
    expect(await resume([again])).toMatchObject([{ result: '1' }])
    await park([again], [waitFor('a')])
    expect(await send(id, 'a', 3, 'k:1')).toMatchObject({ verdict: 'sent', woken: null })
    expect((await rowOf(id))?.waits).toBe('wait')
  })

  it('is refused beyond 10,000 that are unread, and goes nowhere when the job has ended', async () => {
    const [held] = (await running(1)) as [Held]
    await app.sql(
      `INSERT INTO $signals (job_id, name, value) SELECT $1, 'a', '0' FROM generate_series(1, 9999)`,
      [held.id],
    )
    expect((await send(held.id, 'b', 1))?.verdict).toBe('sent')
    expect((await send(held.id, 'b', 1))?.verdict).toBe('full')
    expect(await app.sql('SELECT count(*)::int AS n FROM $signals')).toEqual([{ n: 10_000 }])
    await app.sql('SELECT * FROM $cancel_1($1, false)', [held.id])
    await app.sql(named(PARK), parkValues([held], { waits: [waitFor('z')] }))
    expect((await send(held.id, 'b', 1))?.verdict).toBe('finished')
    expect((await send(OTHER, 'b', 1))?.verdict).toBe('unknown')
    const dropped = await app.sql('SELECT name, dropped FROM $drop_signals_1(ARRAY[$1::uuid])', [
      held.id,
    ])
    expect(dropped).toHaveLength(2)
    expect(await app.sql('SELECT count(*)::int AS n FROM $signals')).toEqual([{ n: 0 }])
  })
})

describe('what a durable job records', () => {
  it('is numbered in its order and kept as it was written', async () => {
    const [one, two] = (await running(2)) as [Held, Held]
    expect(
      await save([
        { held: one, steps: ['a', 'b'] },
        { held: two, steps: ['a'] },
      ]),
    ).toMatchObject([
      { job: 1, last: 2 },
      { job: 2, last: 1 },
    ])
    expect(await save([{ held: one, steps: ['c'] }])).toMatchObject([{ job: 1, last: 3 }])
    expect((await resume([one])).map(({ n, name, result }) => [n, name, result])).toEqual([
      [1, 'a', '{"z":1,"of":"a"}'],
      [2, 'b', '{"z":1,"of":"b"}'],
      [3, 'c', '{"z":1,"of":"c"}'],
    ])
  })

  it('counts as saved when it is sent again, and nothing is pushed or sent a second time', async () => {
    const [held, target] = (await running(2)) as [Held, Held]
    const push = [
      {
        step: 'p',
        id: newId(Date.now()),
        job: { name: 'order', queue: 'other', args: {}, priority: 0 },
      },
    ]
    const all = [{ held, steps: ['p'], extras: { push, values: { a: [null], b: [1] } } }]
    const [first] = await save(all, false, WORKER, 'push')
    expect(await save(all, true, WORKER, 'push')).toEqual([first])
    const signals = [{ step: 's', job: target.id, name: 'a', value: 1 }]
    const sent = [{ held, steps: ['s'], extras: { signals } }]
    expect(await save(sent, false, WORKER, 'send-signal')).toMatchObject([
      { last: 2, signaled: target.id },
    ])
    await save(sent, true, WORKER, 'send-signal')
    await expect(save(sent, false, WORKER, 'other')).resolves.toMatchObject([{ last: 3 }])
    expect(await app.sql(`SELECT count(*)::int AS n FROM $jobs WHERE queue = 'other'`)).toEqual([
      { n: 1 },
    ])
    expect(await app.sql('SELECT key, value FROM $job_values ORDER BY key')).toEqual([
      { key: 'a', value: null },
      { key: 'b', value: 1 },
    ])
  })

  it('is refused under a fence that was overtaken', async () => {
    const [held] = (await running(1)) as [Held]
    const stale = { ...held, fence: held.fence - 1 }
    expect(await save([{ held: stale, steps: ['a'] }])).toEqual([])
    expect(await save([{ held, steps: ['a'] }], false, OTHER)).toEqual([])
    expect(await app.sql('SELECT * FROM $job_steps')).toEqual([])
  })

  it('is passed over by a recovery until its commit, so that no attempt records after its fence has risen', async () => {
    const recordedAfter = async (): Promise<string> => {
      const [held] = (await running(1)) as [Held]
      const [saving, recovering] = [await app.client(), await app.client()]
      await saving.query('BEGIN')
      await saving.query(named(SAVE), saveValues([{ held, steps: ['a'] }]))
      await app.sql('UPDATE $workers SET revoked_at = now() WHERE id = $1', [WORKER])
      await recovering.query(named('SELECT * FROM $recover_1(10, 3, 0)'))
      const fence = (await app.sql<{ fence: number }>('SELECT fence::int AS fence FROM $jobs'))[0]
        ?.fence
      await saving.query('COMMIT')
      await app.sql('UPDATE $workers SET revoked_at = NULL')
      await app.sql('TRUNCATE $jobs, $claims')
      return fence === held.fence ? 'held' : 'stale'
    }
    expect(await recordedAfter()).toBe('held')
    const unlocked = { from: /ORDER BY j\.id\s+FOR NO KEY UPDATE OF j/, to: 'ORDER BY j.id' }
    await withMutant(schema, 'save_steps_1', unlocked, async () => {
      expect(await recordedAfter()).toBe('stale')
    })
  })

  it('starts from nothing in the next run, which keeps signals that were not taken', async () => {
    const [held] = (await running(1)) as [Held]
    await save([{ held, steps: ['a', 'b'] }])
    await send(held.id, 'x', 1)
    await app.sql(PARK, parkValues([held], { args: { page: 2 } }))
    expect(await rowOf(held.id)).toMatchObject({
      ...{ waits: null, attempts: 0, args: { page: 2 }, extras: { run: 2, base: 2 } },
    })
    const [next] = (await claim()) as [Held]
    expect(await resume([next])).toEqual([])
    expect(await save([{ held: next, steps: ['a'] }])).toMatchObject([{ last: 1 }])
    await park([next], [waitFor('x')])
    expect(await resume(await claim())).toMatchObject([
      { n: 1, name: 'a' },
      { n: 2, name: 'x' },
    ])
    await app.sql('SELECT * FROM $sweep_durable_1(NULL, 100)')
    expect(await app.sql('SELECT n FROM $job_steps ORDER BY n')).toEqual([{ n: 3 }, { n: 4 }])
  })

  it('sets attempts and crashes back', async () => {
    const [held] = (await running(1)) as [Held]
    await app.sql('UPDATE $jobs SET attempts = 4, crashes = 2')
    await save([{ held, steps: ['a'], extras: { resets: true } }])
    expect(await rowOf(held.id)).toMatchObject({ attempts: 1, crashes: 0 })
  })

  it('goes when the job is gone, and not before', async () => {
    const [held, gone] = (await running(2)) as [Held, Held]
    await save([
      { held, steps: ['a'] },
      { held: gone, steps: ['a', 'b'], extras: { values: { a: [1] } } },
    ])
    await app.sql('SELECT * FROM $sweep_durable_1(NULL, 100)')
    expect(await app.sql('SELECT count(*)::int AS n FROM $job_steps')).toEqual([{ n: 3 }])
    await app.sql('DELETE FROM $jobs WHERE id = $1', [gone.id])
    const rounds = [await app.sql('SELECT last_id, removed FROM $sweep_durable_1(NULL, 1)')]
    for (let last = rounds[0]![0]!.last_id; last !== null; last = rounds.at(-1)![0]!.last_id)
      rounds.push(await app.sql('SELECT last_id, removed FROM $sweep_durable_1($1, 1)', [last]))
    expect(rounds.flat().map(({ removed }) => removed)).toEqual([0, 3, 0])
    expect(await app.sql('SELECT count(*)::int AS n FROM $job_steps')).toEqual([{ n: 1 }])
  })
})

describe('a step that a transaction of the user records', () => {
  const saveOne = 'SELECT state, n FROM $save_step_1($1, $2, $3, $4, $5, 1, 2)'
  const ask = 'SELECT state, n, result FROM $recorded_step_1($1, $2, $3, $4)'

  it('is numbered with the others, and known by its name', async () => {
    const [held] = (await running(1)) as [Held]
    const values = [held.id, held.fence, WORKER, 'book']
    await save([{ held, steps: ['a'] }])
    expect(await app.sql(ask, values)).toEqual([{ state: 'new', n: null, result: null }])
    expect(await app.sql(saveOne, [...values, '{"z":1,"a":2}'])).toEqual([{ state: 'saved', n: 2 }])
    expect(await app.sql(ask, values)).toEqual([
      { state: 'recorded', n: 2, result: '{"z":1,"a":2}' },
    ])
    expect(await app.sql(ask, [OTHER, 1, WORKER, 'book'])).toMatchObject([{ state: 'absent' }])
  })

  it('is refused at the end of a transaction whose attempt was overtaken', async () => {
    const [held] = (await running(1)) as [Held]
    const values = [held.id, held.fence, WORKER, 'book']
    await app.sql('UPDATE $jobs SET fence = fence + 1')
    expect(await app.sql(ask, values)).toMatchObject([{ state: 'lost' }])
    expect(await app.sql(saveOne, [...values, '1'])).toEqual([{ state: 'lost', n: null }])
    expect(await app.sql('SELECT * FROM $job_steps')).toEqual([])
  })
})

describe('a fork', () => {
  it('has every step before the named one, of a job that runs and of one that has ended', async () => {
    const [held] = (await running(1)) as [Held]
    await save([{ held, steps: ['a', 'b', 'c'] }])
    await app.sql(
      `SELECT * FROM $finish_2($1, ARRAY[$2::tid], ARRAY[$3::uuid], ARRAY[$4::bigint], NULL, NULL, NULL, NULL, NULL, NULL,
         NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL)`,
      [WORKER, held.ctid, held.id, held.fence],
    )
    const id = newId(Date.now())
    const fork = 'SELECT verdict FROM $fork_1($1, $2, $3, $4, false)'
    expect(await app.sql(fork, [held.id, newId(0), 'x', null])).toEqual([{ verdict: 'no step' }])
    expect(await app.sql(fork, [OTHER, newId(0), 'a', null])).toEqual([{ verdict: 'unknown' }])
    expect(await app.sql(fork, [held.id, id, 'c', '{"n":1}'])).toEqual([{ verdict: 'forked' }])
    expect(await app.sql(fork, [held.id, id, 'c', '{"n":1}'])).toEqual([{ verdict: 'forked' }])
    expect(await rowOf(id)).toMatchObject({ args: { n: 1 }, extras: { seed: `${held.id}:1` } })
    const [claimed] = (await claim()) as [Held]
    expect(claimed).toMatchObject({ id, fence: 2 })
    expect((await resume([claimed])).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(await app.sql('SELECT n, name FROM $get_steps_1($1)', [held.id])).toHaveLength(3)
  })
})
