/** The worker that leads: it counts the queues and rolls up the series, and no queue has its tag. */
import { Chancy, job, Worker } from 'chancy'
import { cron } from 'chancy/plugins/cron'
import { failures } from 'chancy/plugins/failures'
import { leadership } from 'chancy/plugins/leadership'
import { metrics } from 'chancy/plugins/metrics'
import { orderOf, serveOrders } from './children.ts'

const { database, schema } = orderOf<{ database: string; schema: string }>()
const chancy = new Chancy(database, {
  schema,
  jobs: job({ name: 'none' }, () => {}),
  // Without the pruner, which would remove what was filled.
  defaultPlugins: false,
  plugins: [leadership(), metrics(), failures(), cron()],
})
const worker = new Worker(chancy, { tags: ['leads'], label: 'leader', signals: false })
await worker.start()
serveOrders(
  {},
  async () => ({}),
  async () => {
    await worker.stop()
    await chancy.close()
  },
)
