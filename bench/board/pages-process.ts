/** Keeps pages open in a process of its own, and counts what they ask and get. */
import { orderOf, serveOrders } from './children.ts'
import { Client } from './http.ts'
import type { Load, OpenPage } from './pages.ts'

const { url, pages } = orderOf<{ url: string; pages: readonly OpenPage[] }>()
const api = `${url}api/v1/`
let clients: Client[] = []
let timers: NodeJS.Timeout[] = []
let sums = { asked: 0, refused: 0, parts: 0, bytes: 0, slowestMs: 0 }

serveOrders({}, answer, async () => close())

async function answer(message: string): Promise<object> {
  if (message === 'open') for (const [at, page] of pages.entries()) await open(page, `viewer-${at}`)
  else if (message === 'close') close()
  const found = sums
  sums = { asked: 0, refused: 0, parts: 0, bytes: 0, slowestMs: 0 }
  return found
}

async function open({ topics, loads }: OpenPage, actor: string): Promise<void> {
  const client = new Client(api, actor)
  clients.push(client)
  await ask(client, load('session'))
  if (topics.length > 0) stream(client, topics)
  await Promise.all(loads.map((one) => ask(client, one)))
  for (const one of loads) {
    if (one.every === 0) continue
    // The next one starts when the last one has ended.
    const again = async (): Promise<void> => {
      await ask(client, one)
      if (clients.includes(client)) timers.push(setTimeout(again, one.every * 1_000))
    }
    timers.push(setTimeout(again, one.every * 1_000 * Math.random()))
  }
}

const load = (path: string): Load => ({ path, every: 0 })

function stream(client: Client, topics: readonly string[]): void {
  const path = `events?topics=${encodeURIComponent(topics.join())}`
  const again = (): void => {
    if (clients.includes(client)) timers.push(setTimeout(() => stream(client, topics), 2_000))
  }
  client.stream(
    path,
    (bytes) => {
      sums.parts += 1
      sums.bytes += bytes
    },
    again,
  )
}

async function ask(client: Client, { path, span }: Load): Promise<void> {
  const range =
    span === undefined ? '' : `&from=${new Date(Date.now() - span * 3_600_000).toISOString()}`
  try {
    const { status, bytes, ms } = await client.get(path + range)
    sums.asked += 1
    sums.bytes += bytes
    sums.slowestMs = Math.max(sums.slowestMs, ms)
    if (status >= 400) sums.refused += 1
  } catch (error) {
    if (clients.includes(client)) throw error
  }
}

function close(): void {
  const closing = clients
  clients = []
  for (const timer of timers) clearTimeout(timer)
  timers = []
  for (const client of closing) client.close()
}
