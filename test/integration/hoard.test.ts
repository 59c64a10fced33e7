import { job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const SLOTS = 2

/** Short jobs; one named 'long' holds its slot until it is let go. */
function shortAndLong() {
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const ran: string[] = []
  const noted = job({ name: 'noted' }, async ({ kind }: { kind: string }) => {
    ran.push(kind)
    if (kind === 'long') await held
  })
  return { noted, ran, letGo: () => letGo() }
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
    // So many that they are looked for by one statement, each second.
    { queues: 12, from: 'elsewhere', pollingInterval: '1s' },
  ] as const)(
    'go back when slots stay taken: $queues queues, pushed from $from',
    async ({ queues, from, pollingInterval }) => {
      const { noted, ran, letGo } = shortAndLong()
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
      // It learns that jobs are short, so that it claims many at once.
      await push(Array<string>(2_000).fill('short'))
      await until(async () => ran.length === 2_000 && (await left()).claimed === 0)
      await push(['long', 'long', ...Array<string>(20).fill('short')])
      await until(async () => (await left()).claimed === SLOTS, { timeoutMs: 5_000 })
      expect(await left()).toEqual({ claimed: SLOTS, free: 20 })

      // Nobody told it of them: it looks when it starts.
      const other = app.chancy({ jobs: [noted] })
      await app.worker(other, { queues: ['queue-0'] })
      await until(() => ran.filter((kind) => kind === 'short').length === 2_020)
      letGo()
      await until(async () => (await left()).claimed === 0)
    },
  )
})
