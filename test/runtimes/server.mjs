// Serves the HTTP API by the runtime's own server, and asks it: a read, a refused write, an event stream.
import { Chancy } from 'chancy'
import { createHandler } from 'chancy/http'

const chancy = new Chancy(process.env.DATABASE_URL, { schema: 'runtimes_server' })
await chancy.migrate()
// Without `access` this machine alone is served: the runtime has to say where a request comes from.
const handler = createHandler(chancy, { basePath: '/admin/jobs' })
const [port, stop] = serve(handler)
const api = `http://127.0.0.1:${port}/admin/jobs/api/v1`

const session = await (await fetch(`${api}/session`)).json()
const pause = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
const refused = await fetch(`${api}/queues/default/pause`, pause)
const { code } = await refused.json()
const events = await fetch(`${api}/events?topics=queues`)
let text = ''
const reader = events.body.pipeThrough(new TextDecoderStream()).getReader()
const event = /^data: (.*)\n\n/m
while (!event.test(text)) text += (await reader.read()).value
const { topic } = JSON.parse(event.exec(text)[1])
console.log(`${session.role}, ${refused.status} ${code}, ${events.status} ${topic}`)
await handler.close()
await reader.cancel()
await stop()
await chancy.close()

function serve(handler) {
  if (globalThis.Bun !== undefined) {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handler })
    return [server.port, () => server.stop(true)]
  }
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => {} }, handler)
  return [server.addr.port, () => server.shutdown()]
}
