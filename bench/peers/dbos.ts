import { setTimeout as sleep } from 'node:timers/promises'
import { DBOS } from '@dbos-inc/dbos-sdk'
import { type DurablePeer, inTurns, Moment, SETTLED_MS } from '../durable/durable-peer.ts'

/** Functions are started directly in the process, as its documentation begins: without a queue of its own. */
export async function open(url: string): Promise<DurablePeer> {
  const began = new Moment()
  const continued = new Moment()
  const steps = DBOS.registerWorkflow(
    async (count: number) => {
      for (let n = 0; n < count; n++)
        await DBOS.runStep(() => Promise.resolve(n), { name: `step ${n}` })
    },
    { name: 'steps' },
  )
  const waits = DBOS.registerWorkflow(
    async () => {
      began.note()
      await DBOS.recv('go')
      continued.note()
    },
    { name: 'waits' },
  )
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: 20,
    logLevel: 'error',
  })
  await DBOS.launch()
  const begin = async () => {
    const moment = began.next()
    const sentAt = performance.now()
    const handle = await DBOS.startWorkflow(waits)()
    return { handle, ms: (await moment) - sentAt }
  }
  return {
    async run(runs, count) {
      await inTurns(runs, async () => (await DBOS.startWorkflow(steps)(count)).getResult())
    },
    async start() {
      const { handle, ms } = await begin()
      await DBOS.send(handle.workflowID, { by: 'bench' }, 'go')
      await handle.getResult()
      return ms
    },
    async signal() {
      const { handle } = await begin()
      await sleep(SETTLED_MS)
      const moment = continued.next()
      const sentAt = performance.now()
      await DBOS.send(handle.workflowID, { by: 'bench' }, 'go')
      const ms = (await moment) - sentAt
      await handle.getResult()
      return ms
    },
    close: () => DBOS.shutdown(),
  }
}
