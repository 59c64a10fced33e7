import { setTimeout as sleep } from 'node:timers/promises'
import { signal } from '../../dist/index.js'
import { Chancy, job, Queue, Worker } from '../support/chancy.ts'
import { CONCURRENCY, type DurablePeer, Moment, SETTLED_MS } from './durable-peer.ts'

export async function open(url: string): Promise<DurablePeer> {
  const began = new Moment()
  const continued = new Moment()
  const go = signal<{ by: string }, 'go'>('go')
  const steps = job({ name: 'steps', durable: true }, async (args: { steps: number }, ctx) => {
    for (let n = 0; n < args.steps; n++) await ctx.step(`step ${n}`, () => n)
  })
  const waits = job({ name: 'waits', durable: true }, async (_: object, ctx) => {
    began.note()
    await ctx.waitForSignal(go)
    continued.note()
  })
  const logger = { debug() {}, info() {}, warn() {}, error: console.error }
  const chancy = new Chancy(url, { jobs: [steps, waits], logger })
  await chancy.migrate()
  await chancy.declare(new Queue('default', { executor: 'inline', concurrency: CONCURRENCY }))
  const worker = new Worker(chancy, { signals: false })
  await worker.start()
  const begin = async (): Promise<{ ref: Awaited<ReturnType<typeof chancy.push>>; ms: number }> => {
    const moment = began.next()
    const sentAt = performance.now()
    const ref = await chancy.push(waits.job.withArgs({}))
    return { ref, ms: (await moment) - sentAt }
  }
  return {
    async run(runs, count) {
      const jobs = Array.from({ length: runs }, () => steps.job.withArgs({ steps: count }))
      await chancy.waitForJobs(await chancy.pushMany(jobs), { timeout: '10m' })
    },
    async start() {
      const { ref, ms } = await begin()
      await chancy.signal(ref, go, { by: 'bench' })
      await chancy.waitForJob(ref)
      return ms
    },
    async signal() {
      const { ref } = await begin()
      await sleep(SETTLED_MS)
      const moment = continued.next()
      const sentAt = performance.now()
      await chancy.signal(ref, go, { by: 'bench' })
      const ms = (await moment) - sentAt
      await chancy.waitForJob(ref)
      return ms
    },
    async close() {
      await worker.stop()
      await chancy.close()
    },
  }
}
