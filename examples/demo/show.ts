/** `npm run demo -- --http`: the dashboard, beside jobs in every state, until it is interrupted. */
import { Chancy, Worker } from 'chancy'
import { createHandler } from 'chancy/http'
import { serve } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import { failures } from 'chancy/plugins/failures'
import { chooseServer } from './server.ts'
import { ageFailures, leaveTraces, writeHistory } from './show-history.ts'
import { jobs, shop } from './show-jobs.ts'
import { actByHand, declareAll, fill, keepBusy, pushFirst } from './show-shop.ts'

const DEFAULT_PORT = 8000

/** Serves it at `port`, or at a free one where that is taken, and resolves when `signal` is aborted. */
export async function show(
  signal: AbortSignal,
  options: { readonly port?: number; readonly onReady?: (url: string) => void } = {},
): Promise<void> {
  const server = await chooseServer()
  const quiet = () => {}
  const chancy = new Chancy(server.database, {
    schema: server.schema,
    jobs,
    plugins: [cron(), failures()],
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  })
  const workers: Worker[] = []
  const start = async (label: string, tags: readonly string[]) => {
    const common = { signals: false, shutdownTimeout: '2s', version: shop.release } as const
    const worker = new Worker(chancy, { ...common, label, tags })
    workers.push(worker)
    await worker.start()
    return worker
  }
  try {
    await chancy.migrate()
    await declareAll(chancy)
    // The release before: what fails in it is known for days.
    const before = await start('shop-0', [])
    await pushFirst(chancy)
    await before.stop()
    await ageFailures(server)
    await writeHistory(server)
    shop.release = 'v2.4.1'
    await start('shop-1', ['zone=a'])
    await start('shop-2', ['zone=b'])
    await leaveTraces(server)
    await fill(chancy)
    await actByHand(chancy)
    const handler = createHandler(chancy, { push: true })
    const port = options.port ?? DEFAULT_PORT
    const running = await serve(handler, { port }).catch(() => serve(handler, { port: 0 }))
    console.log(`The dashboard is at ${running.url} with ${server.name}. Ctrl+C ends it.`)
    console.log('The figures before now are made up; from now on they are those of its jobs.')
    options.onReady?.(running.url)
    await keepBusy(chancy, signal)
    await running.close()
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
    await chancy.close()
    await server.remove()
  }
}
