import { afterEach, expect, it } from 'vitest'
import type { Driver } from '../../src/database/driver.ts'

/** Sessions that are held: reserved ones and those that listen. */
export function describeSessions(driver: () => Driver): void {
  const pid = { text: 'SELECT pg_backend_pid() AS pid', values: [] }

  it('holds one session until it is released', async () => {
    const session = await driver().reserve()
    const pids = [await session.query(pid), await session.query(pid), await session.query(pid)]
    expect(new Set(pids.map((rows) => JSON.stringify(rows))).size).toBe(1)
    session.release()
    session.release()
    await expect(session.query(pid)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  })

  it('closes a session whose state is unknown', async () => {
    const session = await driver().reserve()
    await session.query({ text: "SET application_name = 'unknown state'", values: [] })
    session.release(true)
    for (let i = 0; i < 5; i++) {
      const text = "SELECT current_setting('application_name') AS name"
      const [row] = await driver().query<{ name: string }>({ text, values: [] })
      expect(row?.name).not.toBe('unknown state')
    }
  })

  it('lends sessions again and again', async () => {
    for (let i = 0; i < driver().sessions * 3; i++) {
      const session = await driver().reserve()
      await session.query(pid)
      session.release(i % 3 === 0)
    }
    expect(driver().sessions).toBeGreaterThan(0)
  })
}

export function describeListening(driver: () => Driver): void {
  const unlisten: (() => Promise<void>)[] = []
  afterEach(async () => {
    await Promise.all(unlisten.splice(0).map((stop) => stop()))
  })
  const notify = (channel: string, payload: string) =>
    driver().query({ text: 'SELECT pg_notify($1, $2)::text', values: [channel, payload] })

  it('receives its channel and nothing else', async () => {
    const received: string[] = []
    const listener = { onPayload: (text: string) => void received.push(text), onLost: () => {} }
    unlisten.push(await driver().listen('chancy_abc_1', listener))
    await notify('chancy_abc_2', 'not this')
    await notify('chancy_abc_1', 'first')
    await notify('chancy_abc_1', '')
    await notify('chancy_abc_1', '漢 "quoted"')
    await expect.poll(() => received).toEqual(['first', '', '漢 "quoted"'])
  })

  it('receives what a transaction notified only after its commit', async () => {
    const received: string[] = []
    const listener = { onPayload: (text: string) => void received.push(text), onLost: () => {} }
    unlisten.push(await driver().listen('chancy_commit', listener))
    const say = (text: string) => ({
      text: "SELECT pg_notify('chancy_commit', $1)::text",
      values: [text],
    })
    await driver()
      .transaction(async (session) => {
        await session.query(say('rolled back'))
        throw new Error('no')
      })
      .catch(() => {})
    await driver().transaction((session) => session.query(say('committed')))
    await expect.poll(() => received).toEqual(['committed'])
  })

  it('delivers nothing more once it has unsubscribed, and can subscribe again', async () => {
    const received: string[] = []
    const lost: Error[] = []
    const listener = {
      onPayload: (text: string) => void received.push(text),
      onLost: (error: Error) => void lost.push(error),
    }
    const stop = await driver().listen('chancy_again', listener)
    await stop()
    await stop()
    await notify('chancy_again', 'unheard')
    unlisten.push(await driver().listen('chancy_again', listener))
    await notify('chancy_again', 'received')
    await expect.poll(() => received).toEqual(['received'])
    expect(lost).toEqual([])
  })
}
