import { type Chancy, job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { withMutant } from '../support/mutant.ts'

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'
const task = job({ name: 'task', maxAttempts: 100 }, (_: { n?: number }) => {})
const limited = task.job.withConcurrency(1)
/** Jobs of one group, many more than a claim scans. */
const MANY = 3_000
/** How many of a group wait in the line beyond its max. */
const MARGIN = 32
/** Batches of a pushMany that are written side by side, and do not see each other. */
const SIDE_BY_SIDE = 2
const ROOM = 10

interface Claimed {
  readonly id: string
  readonly fence: string
  readonly ctid: string
}

// The statements of a worker by hand: what is claimed when is the test's to say.
beforeEach(async () => {
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity')`, [WORKER])
})

async function declared(...queues: string[]): Promise<Chancy> {
  const chancy = app.chancy()
  for (const name of ['default', ...queues]) {
    await chancy.declare(new Queue(name, { executor: 'inline' }))
  }
  return chancy
}

async function claim(room: number, queue = 'default'): Promise<Claimed[]> {
  return app.sql<Claimed & Record<string, unknown>>(
    `SELECT id::text AS id, fence::text AS fence, ctid::text AS ctid
       FROM $claim_1($1, $2, $3, '{task}', true) WHERE id IS NOT NULL`,
    [queue, WORKER, room],
  )
}

async function finish({ id, fence, ctid }: Claimed, key = 'task'): Promise<void> {
  await app.sql(
    `SELECT * FROM $finish_2($1, ARRAY[$2::tid], ARRAY[$3::uuid], ARRAY[$4::bigint], NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, ARRAY[$5], NULL)`,
    [WORKER, ctid, id, fence, key],
  )
}

const waiting = async (where = 'true'): Promise<{ ready: number; blocked: number }> => {
  const [row] = await app.sql<{ ready: number; blocked: number }>(
    `SELECT (count(*) FILTER (WHERE NOT blocked AND state <> 'running'))::int AS ready,
            (count(*) FILTER (WHERE blocked))::int AS blocked
       FROM $jobs WHERE ${where}`,
  )
  return row!
}

/** How many claims of ten jobs it takes until the job is among them. */
async function claimsUntil(id: string, most: number): Promise<number> {
  for (let claims = 1; claims <= most; claims++) {
    if ((await claim(ROOM)).some((one) => one.id === id)) return claims
  }
  return Number.POSITIVE_INFINITY
}

describe('a job behind many of a full group', () => {
  it('is reached by a few claims when they were pushed together', async () => {
    const chancy = await declared()
    await chancy.pushMany(Array(MANY).fill(limited), { batchSize: 500 })
    expect((await waiting()).ready).toBeLessThanOrEqual(SIDE_BY_SIDE * (1 + MARGIN))
    const { id } = await chancy.push(task.job)
    expect(await claimsUntil(id, 10)).toBeLessThanOrEqual(3)
  })

  it('is reached by a few claims when they were pushed one by one', async () => {
    const chancy = await declared()
    for (let n = 0; n < 2 * MARGIN; n++) await chancy.push(limited)
    expect(await waiting()).toEqual({ ready: 1 + MARGIN, blocked: MARGIN - 1 })
    const { id } = await chancy.push(task.job)
    expect(await claimsUntil(id, 10)).toBeLessThanOrEqual(3)
  })

  it('is reached by a few claims when they were pushed without a hint', async () => {
    const chancy = await declared()
    await withMutant(
      app.schema,
      'surplus_1',
      { from: /\bBEGIN\b/, to: 'BEGIN RETURN NULL;' },
      async () => {
        await chancy.pushMany(Array(MANY).fill(limited))
      },
    )
    expect(await waiting()).toEqual({ ready: MANY, blocked: 0 })
    const { id } = await chancy.push(task.job)
    expect(await claimsUntil(id, 10)).toBeLessThanOrEqual(4)
    expect(await waiting()).toEqual({ ready: 0, blocked: MANY - 1 })
  })

  it('is not blocked where only its meta names a concurrency_key', async () => {
    const chancy = await declared()
    const named = task.job.withMeta({ concurrency_key: 'task' })
    await chancy.pushMany(Array(2 * MARGIN).fill(named))
    expect(await waiting()).toEqual({ ready: 2 * MARGIN, blocked: 0 })
  })

  it('is reached by a few claims when their time came together', async () => {
    const chancy = await declared()
    await chancy.pushMany(Array(MANY).fill(limited.withDelay('1h')))
    expect((await waiting()).blocked).toBe(0)
    await app.sql("UPDATE $jobs SET run_at = now() - interval '1 s'")
    for (let n = 0; n < MANY; n += 1_000) await app.sql('SELECT * FROM $stage_1(1000, NULL)')
    expect(await waiting()).toEqual({ ready: 1 + MARGIN, blocked: MANY - 1 - MARGIN })
    const { id } = await chancy.push(task.job)
    expect(await claimsUntil(id, 10)).toBeLessThanOrEqual(3)
  })
})

describe('a surplus that was blocked at its push', () => {
  it('runs in the order of priority and age, with what is in the line, and without a sweep', {
    timeout: 60_000,
  }, async () => {
    const chancy = await declared()
    const pushed: { id: string; priority: number }[] = []
    for (let batch = 0; batch < 4; batch++) {
      const jobs = Array.from({ length: 60 }, (_, n) => limited.withPriority(n % 3 === 0 ? 1 : 0))
      const refs = await chancy.pushMany(jobs)
      refs.forEach(({ id }, n) => void pushed.push({ id, priority: n % 3 === 0 ? 1 : 0 }))
    }
    expect((await waiting()).blocked).toBeGreaterThan(0)
    const started: string[] = []
    let running = await claim(ROOM)
    while (running.length > 0) {
      for (const one of running) {
        started.push(one.id)
        await finish(one)
      }
      running = await claim(ROOM)
    }
    const inOrder = [1, 0].flatMap((priority) =>
      pushed.filter((one) => one.priority === priority).map(({ id }) => id),
    )
    expect(started).toEqual(inOrder)
  })

  it('waits for older ones in the line, though a slot is free', async () => {
    const chancy = await declared()
    const two = task.job.withConcurrency(2)
    const refs = await chancy.pushMany(Array(MARGIN + 10).fill(two))
    const [first] = await claim(1)
    await finish(first!)
    await app.sql('SELECT * FROM $sweep_blocked_1(NULL, 10)')
    const [row] = await app.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM $jobs WHERE position < 0',
    )
    expect(row).toEqual({ n: 0 })
    expect((await claim(1)).map(({ id }) => id)).toEqual([refs[1]!.id])
  })

  it('is found by the sweep when the others have ended before its push was committed', async () => {
    const chancy = await declared()
    await chancy.pushMany(Array(1 + MARGIN).fill(limited))
    const client = await app.client()
    await client.query('BEGIN')
    const late = await chancy.push(limited, { session: client })
    for (let running = await claim(ROOM); running.length > 0; running = await claim(ROOM)) {
      for (const one of running) await finish(one)
    }
    await client.query('COMMIT')
    expect(await waiting()).toEqual({ ready: 0, blocked: 1 })
    expect(await claim(ROOM)).toEqual([])
    await app.sql('SELECT * FROM $sweep_blocked_1(NULL, 10)')
    expect((await claim(ROOM)).map(({ id }) => id)).toEqual([late.id])
  })

  it('is decided by its own max, its queue and its priority', async () => {
    const chancy = await declared('other')
    await chancy.pushMany(Array(2 * MARGIN).fill(limited))
    await chancy.push(task.job.withConcurrency(2 * MARGIN))
    await chancy.push(limited.withQueue('other'))
    await chancy.push(limited.withPriority(1))
    const rest = "concurrency_max > 1 OR queue = 'other' OR priority > 0"
    expect(await waiting(rest)).toEqual({ ready: 3, blocked: 0 })
    await chancy.push(limited)
    expect((await waiting()).blocked).toBe(MARGIN)
  })
})

describe('a push of limited jobs', () => {
  it('waits for no claim of their group, and is waited for by no other push', async () => {
    const chancy = await declared()
    await chancy.pushMany(Array(2 * MARGIN).fill(limited))
    const [claiming, producer] = [await app.client(), await app.client()]
    await claiming.query('BEGIN')
    await claiming.query(
      `SELECT 1 FROM ${app.schema}.claim_1('default', '${WORKER}', 1, '{task}', true)`,
    )
    await producer.query('BEGIN')
    await chancy.push(limited, { session: producer })
    await chancy.push(limited)
    await producer.query('COMMIT')
    await claiming.query('COMMIT')
    expect((await waiting()).blocked).toBeGreaterThan(MARGIN)
  })

  it('alone needs a hint: no other push calls that function', async () => {
    const chancy = await declared()
    const fails = { from: /\bBEGIN\b/, to: "BEGIN RAISE EXCEPTION 'asked';" }
    await withMutant(app.schema, 'surplus_1', fails, async () => {
      await chancy.push(task.job)
      await chancy.push(task.job.withMeta({ a: 1 }))
      await chancy.push(task.job.withUniqueKey('one'))
      await chancy.pushMany(Array(10).fill(task.job.withDelay('1h')))
      await expect(chancy.push(limited)).rejects.toThrow('asked')
    })
  })
})
