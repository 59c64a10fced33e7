import { job, Queue } from 'chancy'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { chance } from '../support/seed.ts'
import { until } from '../support/until.ts'

/** Places of a draw: a lone push has the first of them. */
const BLOCK = 256

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'

beforeEach(async () => {
  await app.sql(`INSERT INTO $queues (name, executor) VALUES ('line', 'inline')`)
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity')`, [WORKER])
})

afterEach(() => app.sql('TRUNCATE $claims'))

/** Statements of one session in the schema. */
class EngineClient {
  readonly #client: pg.Client

  constructor(client: pg.Client) {
    this.#client = client
  }

  async rows<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query(text.replaceAll('@', `${app.schema}.`), values)).rows
  }

  async push(priority = 0): Promise<string> {
    const text = `SELECT @push('ok', queue => 'line', priority => $1) AS id`
    const [row] = await this.rows<{ id: string }>(text, [priority])
    return row!.id
  }

  /** By a worker without watermarks: a full scan. */
  async claim(room = 100): Promise<string[]> {
    const rows = await this.rows<{ id: string | null }>(
      `SELECT id FROM @claim_1('line', '${WORKER}', ${room}, '{ok}', true)`,
    )
    return rows.flatMap(({ id }) => id ?? [])
  }

  /** Ends jobs as a worker does; what was not claimed stays as it is. */
  async finish(ids: readonly string[]): Promise<void> {
    await this.rows(`DELETE FROM @jobs WHERE id = ANY ($1) AND state = 'running'`, [ids])
  }

  /** Puts running jobs back. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    await this.rows(
      `SELECT f.* FROM (
         SELECT array_agg(j.ctid) AS ctids, array_agg(j.id) AS ids, array_agg(j.fence) AS fences
           FROM @jobs j WHERE j.id = ANY ($1)) r,
        LATERAL @finish_2('${WORKER}', r.ctids, r.ids, r.fences,
          array_fill('pending'::text, ARRAY[cardinality(r.ids)]), NULL, NULL, NULL,
          array_fill(1, ARRAY[cardinality(r.ids)]), NULL, array_fill(true, ARRAY[cardinality(r.ids)]),
          NULL, NULL, NULL, NULL, 0, NULL, NULL) f`,
      [ids],
    )
  }

  /** As the watermark updater does, without its pauses. */
  async advance(...priorities: number[]): Promise<boolean> {
    await this.rows(`UPDATE @scan_watermarks SET advanced_at = advanced_at - interval '1 second'`)
    const [row] = await this.rows<{ lowered: boolean }>(
      `SELECT @advance_watermarks_1('line', $1) AS lowered`,
      [priorities.length === 0 ? [0] : priorities],
    )
    return row!.lowered
  }

  async watermark(): Promise<number> {
    const [row] = await this.rows<{ position: string | null }>(
      'SELECT watermarks[1] AS position FROM @scan_watermarks',
    )
    return Number(row?.position ?? -1)
  }

  async drawn(): Promise<number> {
    const [row] = await this.rows<{ last: string }>('SELECT last_value AS last FROM @positions')
    return Number(row!.last) + BLOCK - 1
  }

  async pages(text: string): Promise<number> {
    const [row] = await this.rows<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ${text}`,
    )
    const { Plan } = row!['QUERY PLAN'][0]
    return Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']!
  }
}

const engineClient = async (): Promise<EngineClient> => new EngineClient(await app.client())

/** Advanced until it stands there: what other tests have open holds it back for a while. */
const standsAt = (by: EngineClient, position: number) =>
  until(async () => {
    await by.advance()
    return (await by.watermark()) === position
  })

/** Advanced as far as they can be: what was open at the checkpoint has ended. */
async function settled(by: EngineClient, ...priorities: number[]): Promise<void> {
  for (let n = 0; n < 3; n++) await by.advance(...priorities)
}

describe('the watermark of a queue', () => {
  it('stands behind what was settled, and spares a scan the dead tuples', async () => {
    const [one, old] = [await engineClient(), await engineClient()]
    await old.rows('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await old.rows('SELECT 1 FROM @jobs')
    for (let n = 0; n < 20; n++) {
      await one.rows(`SELECT count(@push('ok', queue => 'line')) FROM generate_series(1, 1000)`)
      await one.finish(await one.claim(1_000))
    }
    const last = await one.push()
    const scan = async (): Promise<number> => {
      const text = `SELECT * FROM @claim_1('line', '${WORKER}', 10, '{ok}', true)`
      await one.rows('BEGIN')
      const pages = await one.pages(text)
      await one.rows('ROLLBACK')
      return pages
    }
    // The first one of a session reads the catalog as well.
    await scan()
    const before = await scan()
    await standsAt(one, (await one.drawn()) - BLOCK)
    await scan()
    expect(before).toBeGreaterThan(10 * (await scan()))
    expect(await one.claim()).toEqual([last])
    await old.rows('ROLLBACK')
  })

  it('stays below what a claim in flight may return', async () => {
    const [one, other] = [await engineClient(), await engineClient()]
    const ids = [await one.push(), await one.push(), await one.push()]
    await other.rows('BEGIN')
    expect(await other.claim(2)).toEqual(ids.slice(0, 2))
    expect(await one.claim()).toEqual([ids[2]])
    await settled(one)
    await other.rows('ROLLBACK')
    expect((await one.claim()).sort()).toEqual(ids.slice(0, 2))
    await standsAt(one, await one.drawn())
  })

  it('leaves out a transaction that stays open, and goes back for its jobs when it has ended', async () => {
    const [one, long] = [await engineClient(), await engineClient()]
    await long.rows('BEGIN')
    const early = await long.push()
    const position = await one.drawn()
    for (let n = 0; n < 3; n++) {
      await one.finish([await one.push(), ...(await one.claim())])
      await one.advance()
    }
    await until(async () => {
      await one.advance()
      return (await one.watermark()) > position
    })
    const late = await long.push()
    await long.rows('COMMIT')
    expect(await one.advance()).toBe(true)
    expect((await one.claim()).sort()).toEqual([early, late].sort())
    await standsAt(one, await one.drawn())
  })

  it('counts a transaction as open that has the last id of all', async () => {
    const [one, long] = [await engineClient(), await engineClient()]
    await long.rows('BEGIN')
    const only = await long.push()
    // Nothing else ends in between, so that no snapshot reaches beyond that id.
    await one.advance()
    await one.advance()
    await long.rows('COMMIT')
    await one.advance()
    expect(await one.claim()).toEqual([only])
  })

  it('is not trusted while no worker watches a transaction that was ignored', async () => {
    const [one, long] = [await engineClient(), await engineClient()]
    await long.rows('BEGIN')
    const early = await long.push()
    const position = await one.drawn()
    await one.finish([await one.push(), ...(await one.claim())])
    await until(async () => {
      await one.advance()
      return (await one.watermark()) > position
    })
    await long.rows('COMMIT')
    expect(await one.claim()).toEqual([])
    await one.rows(`UPDATE @scan_watermarks SET advanced_at = advanced_at - interval '2 minutes'`)
    expect(await one.claim()).toEqual([early])
  })

  it('is one of each priority, and no new priority lies below it', async () => {
    const one = await engineClient()
    for (const priority of [0, 5, 0, 5]) await one.push(priority)
    await one.finish(await one.claim())
    await settled(one, 5, 0)
    const ids: string[] = []
    for (const priority of [-3, 0, 2, 5, 9]) ids.unshift(await one.push(priority))
    const taken: string[] = []
    for (let n = 0; n < ids.length; n++) taken.push(...(await one.claim(1)))
    expect(taken).toEqual(ids)
  })

  it('lets nothing lie that was put back to the front', async () => {
    const one = await engineClient()
    for (let n = 0; n < 3; n++) await one.push()
    const ids = (await one.claim()).sort()
    await settled(one)
    await one.release(ids)
    await settled(one)
    expect((await one.claim()).sort()).toEqual(ids)
  })

  it('hides no job, whatever is done in which order', { timeout: 60_000 }, async () => {
    const { next, between, pick } = chance('watermarks')
    const keeper = await engineClient()
    const clients = await Promise.all(Array.from({ length: 6 }, engineClient))
    const open = new Set<EngineClient>()
    let ended = 0
    const steps: Record<string, (one: EngineClient) => Promise<unknown>> = {
      push: async (one) => {
        for (let n = between(1, 5); n > 0; n--) await one.push(pick([0, 0, 0, 5, -1]))
      },
      finish: async (one) => {
        if (open.has(one)) return
        const ids = await one.claim(between(1, 10))
        await one.finish(ids)
        ended += ids.length
      },
      release: async (one) => one.release(await one.claim(between(1, 4))),
      begin: async (one) => {
        if (open.has(one)) return
        await one.rows('BEGIN')
        open.add(one)
      },
      end: async (one) => {
        if (!open.delete(one)) return
        await one.rows(next() < 0.6 ? 'COMMIT' : 'ROLLBACK')
      },
    }
    for (let n = 0; n < 600; n++) {
      const one = pick(clients)
      const name = pick(['push', 'push', 'finish', 'finish', 'release', 'begin', 'end'])
      await steps[name]!(one)
      if (next() < 0.3) await keeper.advance(0, 5, -1)
    }
    for (const one of open) await one.rows('COMMIT')
    const waiting = async (): Promise<number> => {
      const [row] = await keeper.rows<{ n: number }>(
        `SELECT count(*)::int AS n FROM @jobs WHERE state <> 'running'`,
      )
      return row!.n
    }
    const expected = await waiting()
    await settled(keeper, 0, 5, -1)
    expect(await keeper.claim(1_000)).toHaveLength(expected)
    expect(await waiting()).toBe(0)
    expect(ended).toBeGreaterThan(0)
  })
})

describe('a worker', () => {
  const ran: number[] = []
  const ok = job({ name: 'ok' }, ({ n }: { n: number }) => void ran.push(n))

  it('runs what a long transaction pushed before ten thousand others, though the watermarks were advanced', {
    timeout: 60_000,
  }, async () => {
    const chancy = app.chancy({ jobs: [ok] })
    await chancy.declare(new Queue('main', { executor: 'inline' }))
    const long = await app.client()
    const pin = await engineClient()
    await pin.rows('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await pin.rows('SELECT 1 FROM @jobs')
    await long.query('BEGIN')
    await chancy.push(ok.job.withArgs({ n: -1 }).withQueue('main'), { session: long })
    await app.worker(chancy)
    // New rows all the time, until a scan has become expensive and its watermark was advanced.
    let n = 0
    await until(
      async () => {
        const jobs = Array.from({ length: 2_000 }, () =>
          ok.job.withArgs({ n: n++ }).withQueue('main'),
        )
        await chancy.waitForJobs(await chancy.pushMany(jobs))
        const [row] = await app.sql<{ isOut: boolean }>(
          'SELECT cardinality(ignored_xids) > 0 AND watermarks[1] > 1 AS "isOut" FROM $scan_watermarks',
        )
        return row?.isOut
      },
      { timeoutMs: 50_000 },
    )
    await long.query('COMMIT')
    await until(() => ran.includes(-1))
    await pin.rows('ROLLBACK')
  })
})
