import { Chancy, Job, job } from 'chancy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterTimeline } from '../../src/database/drivers/cluster-timeline.ts'
import { pgFromDsn } from '../../src/database/drivers/pg-dsn.ts'
import { TestApp } from '../support/app.ts'
import { caughtUp, type ServerPair, startPair } from '../support/postgres-pair.ts'
import { until } from '../support/until.ts'

/**
 * How soon after a promotion jobs run again: 5 s is the promise, and a busy machine may take a while. Without a new
 * connection it would be a lease, 15 s, or more.
 */
const PROMISED_MS = 12_000
const one = { text: 'SELECT 1::int AS n', values: [] }
const port = { text: 'SELECT inet_server_port()::int AS port', values: [] }

let pair: ServerPair
let dsn: string

beforeEach(async () => {
  pair = await startPair()
  // The standby first: the order of the hosts must not matter.
  dsn = `postgresql://postgres@127.0.0.1:${pair.standby.port},127.0.0.1:${pair.primary.port}/postgres`
})
afterEach(() => pair[Symbol.asyncDispose]())

const started: { n: number; at: number }[] = []
const noted = job({ name: 'noted', maxAttempts: 3 }, async ({ n }: { n: number }) => {
  started.push({ n, at: performance.now() })
})
const a = Job.named('noted', { maxAttempts: 3 })

describe('A DSN of several hosts', () => {
  it('a worker starts jobs soon after the promotion of a standby', async () => {
    await using app = new TestApp(dsn, { jobs: noted })
    await app.chancy.migrate()
    const connected = app.next('notifier.connected')
    await app.start({ heartbeat: '3s', lease: '15s' })
    await connected
    const first = await app.chancy.push(a.withArgs({ n: 0 }))
    await app.chancy.waitForJob(first)
    await caughtUp(pair)
    started.length = 0

    const resumed = app.next('notifier.reconnected')
    await pair.primary.stop('SIGQUIT')
    let n = 0
    let isOver = false
    const pushing = (async () => {
      while (!isOver) {
        await app.chancy.push(a.withArgs({ n: ++n })).catch(() => {})
      }
    })()
    await pair.standby.promote()
    const promotedAt = performance.now()
    await until(() => started.some(({ at }) => at > promotedAt), { what: 'a start' })
    isOver = true
    await pushing
    const tookMs =
      Math.min(...started.filter(({ at }) => at > promotedAt).map(({ at }) => at)) - promotedAt
    console.log(`first start ${Math.round(tookMs)} ms after the promotion`)
    expect(tookMs).toBeLessThan(PROMISED_MS)
    // The listener has found it as well, and the heartbeat renews there.
    await resumed
    await app.next('lease.renewed')
    const [row] = await pair.standby.sql<{ fresh: boolean }>(
      `SELECT bool_or(expires_at > now()) AS fresh FROM chancy.workers`,
    )
    expect(row?.fresh).toBe(true)
  })

  it('no connection goes back to a primary that was left behind', async () => {
    const timeline = new ClusterTimeline()
    const driver = pgFromDsn(dsn, { max: 2, timeline })
    expect(await driver.query(port)).toEqual([{ port: pair.primary.port }])
    const oldTimeline = timeline.newest
    // The old primary keeps running, as one does that has lost the network to the others.
    await pair.standby.promote()
    // The pool still has its connection; another process reads the new timeline first.
    const other = pgFromDsn(dsn, { max: 1, timeline })
    expect(await other.query(port)).toEqual([{ port: pair.standby.port }])
    expect(timeline.newest).toBe(oldTimeline + 1)
    expect(await driver.query(port)).toEqual([{ port: pair.standby.port }])

    await pair.standby.stop('SIGQUIT')
    const refused = await driver.query({ ...one, deadlineMs: 5_000 }).catch((error) => error)
    expect(refused).toMatchObject({ code: expect.stringMatching(/DATABASE_UNREACHABLE|57P/) })
    const again = await driver.query({ ...one, deadlineMs: 5_000 }).catch((error) => error)
    expect(again).toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    expect(again.message).toContain('timeline 1')
    expect(again.message).toContain('ECONNREFUSED')
    await Promise.all([driver.close(), other.close()])
  })

  it('a host that does not answer holds up no connection', async () => {
    const dead = pair.standby
    await dead.stop('SIGQUIT')
    const { createServer } = await import('node:net')
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(dead.port, '127.0.0.1', resolve))
    const driver = pgFromDsn(dsn, { max: 1 })
    const from = performance.now()
    expect(await driver.query(one)).toEqual([{ n: 1 }])
    expect(performance.now() - from).toBeLessThan(PROMISED_MS)
    await driver.close()
    silent.close()
    silent.unref()
  })

  it('only standbys are refused with what each of them is', async () => {
    const only = `postgresql://postgres@127.0.0.1:${pair.standby.port}/postgres?target_session_attrs=read-write`
    await using chancy = new Chancy(only, { pushDeadline: '2s', notifications: false })
    await expect(chancy.getQueues()).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringContaining(`127.0.0.1:${pair.standby.port}: it is a standby`),
    })
  })

  it('a host of another cluster is refused', async () => {
    await using foreign = await startPair()
    const mixed = `postgresql://postgres@127.0.0.1:${pair.primary.port},127.0.0.1:${foreign.primary.port}/postgres`
    const driver = pgFromDsn(mixed, { max: 1 })
    const [first] = await driver.query<{ port: number }>(port)
    const isFirst = first?.port === pair.primary.port
    await (isFirst ? pair.primary : foreign.primary).stop('SIGQUIT')
    await driver.query(one).catch(() => {})
    const error = await driver.query(one).catch((error) => error)
    expect(error).toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringContaining('another database cluster'),
    })
    await driver.close()
  })
})
