import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BatchEnd, batch, Chancy, job, Queue, Worker, workflow } from 'chancy'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { newId } from '../../src/core/reference.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const logger = { debug() {}, info() {}, warn() {}, error() {} }
/** The statements of the release before workflows. */
const former = JSON.parse(
  readFileSync(new URL('../fixtures/statements-1.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, { readonly text: string }>>

type Row = Readonly<Record<string, string | number | null>>

/** A worker and producer of the release before: what it sends, and nothing that came later. It knows the job "task". */
class FormerWorker {
  readonly id = newId(Date.now())
  /** Jobs that it has finished. */
  readonly finished: string[] = []
  readonly errors: unknown[] = []
  readonly #client = new pg.Client({ connectionString: databaseUrl(schema) })
  #loop: Promise<void> | null = null
  #isOver = false

  async start(): Promise<void> {
    await this.#client.connect()
    await this.#send('register_worker', [this.id, 'former', '["x"]', 60_000, '["task"]', '{}'])
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#loop
    await this.#client.end()
  }

  async push(count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => newId(Date.now()))
    const args = ids.map((_, n) => `"{\\"n\\": ${n}}"`)
    const batch = [`{${ids.join(',')}}`, '{default}', '{task}', `{${args.join(',')}}`, '{0}', '{3}']
    await this.#send('push_jobs', [...batch, ...nulls(4), false, 0, '{}', null])
  }

  /** Claims, and sends nothing more. */
  async die(): Promise<void> {
    this.#isOver = true
    await this.#loop
    await this.#claim(3)
    await this.#client.query(
      `UPDATE ${schema}.workers SET revoked_at = now() WHERE id = '${this.id}'`,
    )
    await this.#client.end()
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      try {
        if (round % 20 === 0) {
          await this.#send('renew_lease', [this.id, 60_000])
          await this.#send('stage_jobs', [100, null])
          await this.#send('recover_jobs', [100, 3, 0])
        }
        for (const { id, fence, ctid } of await this.#claim(4)) {
          await this.#send('complete_jobs', [
            ...[this.id, `{"${ctid}"}`, `{${id}}`, `{${fence}}`, null, '{"{\\"n\\": 1}"}'],
            ...nulls(12),
          ])
          this.finished.push(`${id}`)
        }
      } catch (error) {
        this.errors.push(error)
      }
      await sleep(5)
    }
  }

  async #claim(limit: number): Promise<Row[]> {
    const values = ['default', this.id, limit, '{task}', true, ...nulls(4)]
    return (await this.#send('claim_jobs', values)).filter(({ id }) => id !== null)
  }

  async #send(name: string, values: unknown[]): Promise<Row[]> {
    const text = former[name]!.text.replaceAll('"chancy"', `"${schema}"`).replaceAll(
      "'chancy'",
      `'${schema}'`,
    )
    return (await this.#client.query<Row>(text, values)).rows
  }
}

const nulls = (count: number): null[] => Array.from({ length: count }, () => null)

const task = job({ name: 'task' }, async ({ n }: { n: number }) => {
  await sleep(5)
  return { n }
})
const list = job({ name: 'list' }, () => [1, 2, 3, 4, 5, 6])
const graph = workflow({ name: 'graph' }, (flow) => {
  const first = flow.step('first', task, { args: { n: 1 } })
  const many = Array.from({ length: 6 }, (_, k) =>
    flow.step(`middle ${k}`, task, { args: { n: first.output.n } }),
  )
  const map = flow.map('map', flow.step('list', list).output, task, {
    args: (item) => ({ n: item }),
  })
  return flow.step('last', task, { args: { n: 2 }, after: [...many, map] }).output
})
const invoking = job({ name: 'invoking', durable: true }, async (_: object, ctx) => {
  const one = await ctx.invoke(task.job.withArgs({ n: 1 }))
  const all = await ctx.invokeAll('all', [task.job.withArgs({ n: 2 }), task.job.withArgs({ n: 3 })])
  return [one, ...all].length
})
const ended = job({ name: 'ended' }, ({ batch: { total } }: BatchEnd) => total)

describe('workers of the release before beside those of this one', () => {
  it('hang no step, before, during and after the migration', async () => {
    await using chancy = new Chancy(databaseUrl(schema), {
      schema,
      logger,
      jobs: [task, list, invoking, ended],
    })
    await chancy.migrate({ to: 1 })
    const [first, second] = [new FormerWorker(), new FormerWorker()]
    const client = new pg.Client({ connectionString: databaseUrl(schema) })
    await client.connect()
    await client.query(`INSERT INTO ${schema}.queues (name, executor) VALUES ('default', 'inline')`)
    await Promise.all([first.start(), second.start()])
    await first.push(50)
    // They claim and finish meanwhile.
    const pushing = async (): Promise<void> => {
      for (let times = 0; times < 5; times++) await first.push(20)
    }
    await Promise.all([chancy.migrate(), pushing()])
    await using worker = new Worker(chancy, { signals: false })
    await worker.start()
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 2 }), {
      upsert: true,
    })
    const flows = await chancy.pushMany(Array.from({ length: 6 }, () => graph()))
    const durable = await chancy.pushMany([invoking, invoking, invoking])
    const imported = await chancy.pushBatch(
      batch({ name: 'import', onEnded: ended }),
      Array.from({ length: 20 }, (_, n) => task.job.withArgs({ n })),
    )
    await second.die()
    for (const flow of flows)
      expect(await chancy.waitForWorkflow(flow, { timeout: '20s' })).toMatchObject({
        state: 'succeeded',
      })
    for (const { result } of await chancy.waitForJobs<number>(durable)) expect(result).toBe(3)
    expect(await chancy.waitForWorkflow(imported, { timeout: '20s' })).toMatchObject({
      batch: { total: 20, succeeded: 20 },
    })
    await first.push(10)
    await until(async () => (await client.query(`SELECT FROM ${schema}.jobs`)).rows.length === 0, {
      ...{ timeoutMs: 20_000, everyMs: 20, what: 'the end of all jobs' },
    })
    await first.stop()
    const steps = await client.query<{ id: string }>(
      `SELECT job_id::text AS id FROM ${schema}.steps WHERE job_id IS NOT NULL`,
    )
    await client.end()
    const own = new Set(steps.rows.map(({ id }) => id))
    expect([...first.errors, ...second.errors]).toEqual([])
    expect(first.finished.filter((id) => own.has(id)).length).toBeGreaterThan(0)
  })
})
