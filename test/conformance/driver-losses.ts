import { expect, it } from 'vitest'
import type { Driver } from '../../src/database/driver.ts'
import { classify, isConnectionLoss } from '../../src/database/sql-state.ts'
import type { DriverUnderTest } from './driver.ts'

/** Deadlines, terminated backends and lost subscriptions. */
export function describeLosses(test: () => DriverUnderTest): void {
  const sleep = (seconds: number, deadlineMs: number) => ({
    text: `SELECT pg_sleep(${seconds})::text`,
    values: [],
    deadlineMs,
  })
  const running = async (other: Driver, name: string, seconds: number): Promise<number> => {
    const { text } = sleep(seconds, 0)
    return (await sessionsOf(other, name)).filter((what) => what === `active ${text}`).length
  }

  it('rejects with a deadline error, and the server stops the statement', async ({ skip }) => {
    const { driver, other, applicationName, isPooled } = test()
    if (other === undefined) return skip('PGlite runs in this thread: nothing can interrupt it')
    const late = await driver.query(sleep(25, 200)).catch((error) => error)
    expect(late).toMatchObject({ code: 'DATABASE_DEADLINE' })
    expect([classify(late), isConnectionLoss(late)]).toEqual(['ambiguous', true])
    expect(await driver.query({ text: 'SELECT 1 AS a', values: [] })).toEqual([{ a: 1 }])
    // Behind a pooler it is the pooler that ends the statement of a client that has disconnected.
    if (!isPooled) await expect.poll(() => running(other, applicationName, 25)).toBe(0)
  })

  it('gives an answer that arrived in time while the loop was blocked past the deadline', async () => {
    const { driver } = test()
    // The answer comes while the loop is blocked, and is in the socket when the deadline passes.
    const query = { text: 'SELECT 1 AS a, pg_sleep(0.1)::text AS b', values: [], deadlineMs: 250 }
    // Timers run next after this turn, and sockets are read after them.
    const turn = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const sent = driver.query(query)
    await turn()
    block(500)
    expect(await sent).toEqual([{ a: 1, b: '' }])
    const rows = await driver.transaction(async (session) => {
      const inside = session.query(query)
      await turn()
      block(500)
      return inside
    })
    expect(rows).toEqual([{ a: 1, b: '' }])
  })

  it('rejects a transaction in which a statement passed its deadline', async ({ skip }) => {
    const { driver, other } = test()
    if (other === undefined) return skip('PGlite runs in this thread: nothing can interrupt it')
    const work = driver.transaction((session) => session.query(sleep(25, 200)))
    await expect(work).rejects.toMatchObject({ code: 'DATABASE_DEADLINE' })
    const session = await driver.reserve()
    await expect(session.query(sleep(25, 200))).rejects.toMatchObject({ code: 'DATABASE_DEADLINE' })
    await expect(session.query(sleep(25, 200))).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
    })
    session.release()
    expect(await driver.query({ text: 'SELECT 1 AS a', values: [] })).toEqual([{ a: 1 }])
  })

  it('rejects what runs on a terminated backend, and works afterwards', async ({ skip }) => {
    const { driver, other, applicationName } = test()
    if (other === undefined) return skip('PGlite has no second session to terminate the first')
    const lost = [1, 2, 3].map(() => driver.query(sleep(26, 20_000)).catch((error) => error))
    await expect.poll(() => running(other, applicationName, 26)).toBe(3)
    await terminate(other, applicationName)
    for (const error of await Promise.all(lost)) {
      expect(isConnectionLoss(error)).toBe(true)
      expect(classify(error)).toBe('ambiguous')
    }
    expect(await driver.query({ text: 'SELECT 1 AS a', values: [] })).toEqual([{ a: 1 }])
  })

  it('outlives the loss of sessions that are idle, reserved or in a transaction', async ({
    skip,
  }) => {
    const { driver, other, applicationName } = test()
    if (other === undefined) return skip('PGlite has no second session to terminate the first')
    const query = { text: 'SELECT 1 AS a', values: [] }
    const reserved = await driver.reserve()
    let hasBegun = (): void => {}
    const begun = new Promise<void>((resolve) => {
      hasBegun = resolve
    })
    let goOn = (): void => {}
    const terminated = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const transaction = driver
      .transaction(async (session) => {
        await session.query(query)
        hasBegun()
        await terminated
        await session.query(query)
      })
      .catch((error) => error)
    await Promise.race([begun, transaction])
    await terminate(other, applicationName)
    await expect.poll(() => sessionsOf(other, applicationName)).toEqual([])
    goOn()
    expect(isConnectionLoss(await transaction)).toBe(true)
    const late = await reserved.query(query).catch((error) => error)
    expect(isConnectionLoss(late)).toBe(true)
    reserved.release()
    const eventually = () => driver.query(query).catch(() => 'lost')
    await expect.poll(eventually).toEqual([{ a: 1 }])
    for (let i = 0; i < driver.sessions; i++) expect(await driver.query(query)).toEqual([{ a: 1 }])
  })

  it('notifies a listener once that its subscription is lost', async ({ skip }) => {
    const { driver, other } = test()
    if (other === undefined) return skip('PGlite listens in this process: there is nothing to lose')
    const lost: Error[] = []
    const received: string[] = []
    const listener = {
      onPayload: (text: string) => void received.push(text),
      onLost: (error: Error) => void lost.push(error),
    }
    const stop = await driver.listen('chancy_lost', listener)
    const text = `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE query ILIKE 'listen "chancy_lost"%'`
    await other.query({ text, values: [] })
    await expect.poll(() => lost.length, { timeout: 15_000 }).toBe(1)
    await stop()
    const again = await driver.listen('chancy_lost', listener)
    await driver.query({ text: "SELECT pg_notify('chancy_lost', 'once')::text", values: [] })
    await expect.poll(() => received).toEqual(['once'])
    await again()
    expect(lost).toHaveLength(1)
  })
}

export async function sessionsOf(other: Driver, applicationName: string): Promise<string[]> {
  const rows = await other.query<{ what: string }>({
    text: "SELECT coalesce(state, '') || ' ' || query AS what FROM pg_stat_activity WHERE application_name = $1",
    values: [applicationName],
  })
  return rows.map((row) => row.what)
}

async function terminate(other: Driver, applicationName: string): Promise<void> {
  const text =
    'SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = $1'
  await other.query({ text, values: [applicationName] })
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
