import { setTimeout as sleep } from 'node:timers/promises'
import { OpenWorkflow } from 'openworkflow'
import { BackendPostgres } from 'openworkflow/postgres'
import { CONCURRENCY, type DurablePeer, Moment, SETTLED_MS } from '../durable/durable-peer.ts'

/** A handle asks for its result once a second: the end of each run is noted by the function itself. */
export async function open(url: string): Promise<DurablePeer> {
  const backend = await BackendPostgres.connect(url)
  const flows = new OpenWorkflow({ backend })
  const began = new Moment()
  const continued = new Moment()
  let left = 0
  const ended = new Moment()
  const steps = flows.defineWorkflow<{ count: number }, null>({ name: 'steps' }, async (given) => {
    const { input, step } = given
    for (let n = 0; n < input.count; n++) await step.run({ name: `step ${n}` }, () => n)
    if (--left === 0) ended.note()
    return null
  })
  const waits = flows.defineWorkflow<{ name: string }, null>({ name: 'waits' }, async (given) => {
    const { input, step } = given
    began.note()
    await step.waitForSignal({ name: 'go', signal: input.name, timeout: '1h' })
    continued.note()
    return null
  })
  const worker = flows.newWorker({ concurrency: CONCURRENCY })
  await worker.start()
  let names = 0
  const begin = async () => {
    const moment = began.next()
    const name = `go ${++names}`
    const sentAt = performance.now()
    await waits.run({ name })
    return { name, ms: (await moment) - sentAt }
  }
  const wake = async (signal: string): Promise<number> => {
    await sleep(SETTLED_MS)
    const moment = continued.next()
    const sentAt = performance.now()
    await flows.sendSignal({ signal, data: { by: 'bench' } })
    return (await moment) - sentAt
  }
  return {
    async run(runs, count) {
      left = runs
      const done = ended.next()
      await Promise.all(Array.from({ length: runs }, () => steps.run({ count })))
      await done
    },
    async start() {
      const { name, ms } = await begin()
      await wake(name)
      return ms
    },
    async signal() {
      return wake((await begin()).name)
    },
    async close() {
      await worker.stop()
      await backend.stop()
    },
  }
}
