import { job, pgDriver, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const SLOTS = 2

/** Short jobs; one of the kind 'long' holds its slot until it is released. */
function shortAndLong() {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const ran: string[] = []
  const noted = job({ name: 'noted' }, async ({ kind }: { kind: string }) => {
    ran.push(kind)
    if (kind === 'long') await held
  })
  return { noted, ran, release: () => release() }
}

/** What is not finished, by whether a worker has it. */
const left = async () => {
  const rows = await app.sql<{ state: string }>('SELECT state FROM $jobs')
  const claimed = rows.filter(({ state }) => state === 'running').length
  return { claimed, free: rows.length - claimed }
}

describe('jobs that were claimed ahead of free slots', () => {
  it.each([
    { queues: 1, from: 'the worker itself', pollingInterval: '1h' },
    { queues: 1, from: 'elsewhere', pollingInterval: '1h' },
    // Enough to be polled by one statement, each second.
    { queues: 12, from: 'elsewhere', pollingInterval: '1s' },
  ] as const)(
    'are released when slots stay taken: $queues queues, pushed from $from',
    async ({ queues, from, pollingInterval }) => {
      const { noted, ran, release } = shortAndLong()
      const chancy = app.chancy({ jobs: [noted] })
      const settings = { executor: 'inline', concurrency: SLOTS, pollingInterval } as const
      const names = Array.from({ length: queues }, (_, n) => `queue-${n}`)
      for (const name of names) await chancy.declare(new Queue(name, settings))
      const polled = new Set<string>()
      chancy.on('queue.polled', ({ queue }) => void polled.add(queue))
      await app.worker(chancy, { queues: names })
      await until(() => polled.size === queues)
      const pusher = from === 'elsewhere' ? app.chancy({ jobs: [noted] }) : chancy
      const push = (kinds: string[]) =>
        pusher.pushMany(kinds.map((kind) => noted.job.withArgs({ kind }).withQueue('queue-0')))
      // By these it measures that jobs are short, and claims many beyond its slots.
      await push(Array<string>(2_000).fill('short'))
      await until(async () => ran.length === 2_000 && (await left()).claimed === 0)
      await push(['long', 'long', ...Array<string>(20).fill('short')])
      await until(async () => (await left()).claimed === SLOTS)
      expect(await left()).toEqual({ claimed: SLOTS, free: 20 })

      // It is not notified of them: it claims when it starts.
      const other = app.chancy({ jobs: [noted] })
      await app.worker(other, { queues: ['queue-0'] })
      await until(() => ran.filter((kind) => kind === 'short').length === 2_020)
      release()
      await until(async () => (await left()).claimed === 0)
    },
  )

  it('keep the order of a queue that runs one job at a time, however long their release takes', async () => {
    const ran: number[] = []
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const noted = job({ name: 'noted' }, async ({ n }: { n: number }) => {
      ran.push(n)
      if (n === 0) await ended
    })
    // Finishes stop at a gate while one is closed.
    let gate: Promise<void> | null = null
    let held = 0
    const driver = hooked(pgDriver(app.pool()), async (text, send) => {
      if (gate !== null && text.includes('finish_2')) {
        held++
        await gate
      }
      return send()
    })
    const chancy = app.chancy({ jobs: [noted] }, driver)
    await chancy.declare(
      new Queue('default', { executor: 'inline', concurrency: 1, pollingInterval: '1h' }),
    )
    await app.worker(chancy)
    const push = (from: number, to: number) =>
      chancy.pushMany(
        Array.from({ length: to - from }, (_, n) => noted.job.withArgs({ n: from + n })),
      )
    // By these it measures that jobs are short.
    await push(-2_000, 0)
    await until(async () => ran.length === 2_000 && (await left()).claimed === 0)
    let open = (): void => {}
    gate = new Promise((resolve) => {
      open = resolve
    })
    await push(0, 50)
    await until(() => held === 1)
    // Behind those whose release is not saved.
    await push(50, 100)
    end()
    // The worker claims by its first statement after the end of the job.
    for (let n = 0; n < 5; n++) await left()
    gate = null
    open()
    await until(() => ran.length === 2_100)
    expect(ran.slice(2_000)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })
})
