/** The handler of the API and of the dashboard, in a process of its own. */
import { Chancy } from 'chancy'
import { createHandler } from 'chancy/http'
import { serve } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import { orderOf, serveOrders } from './children.ts'

const { database, schema } = orderOf<{ database: string; schema: string }>()
const chancy = new Chancy(database, { schema, plugins: [cron()] })
const handler = createHandler(chancy, {
  access: (request) => ({
    actor: { id: request.headers.get('x-actor') ?? 'bench' },
    role: 'admin',
  }),
  // One measurer asks as often as it can.
  limits: { requestsPerSecond: 100_000, requestsBurst: 100_000 },
})
const server = await serve(handler, { port: 0 })
serveOrders(
  { url: server.url },
  async () => ({ cpuMs: cpuMs(), rssMib: Math.round(process.memoryUsage().rss / 1_048_576) }),
  async () => {
    await server.close()
    await chancy.close()
  },
)

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
