import type { Chancy } from '../app/chancy.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { isChancyError } from '../core/errors.ts'
import type { Permit } from './access.ts'
import type { Arrival } from './arrival.ts'
import { textResponse } from './headers.ts'
import { notAllowed, notFound } from './router.ts'
import type { WireHealth } from './shapes/health.ts'

/** One query answers all who ask within this time, in milliseconds, and has this long. */
const SHARED_MS = 1_000
const LATE_MS = 1_000

type Check = WireHealth['checks']['database']
const OK: Check = { status: 'ok', detail: null }

/** Says whether this process can serve and the queue can work. */
export class Readiness {
  readonly #chancy: Chancy
  readonly #clock: Clock
  #shared: { readonly until: number; readonly health: Promise<WireHealth> } | null = null

  constructor(chancy: Chancy, clock: Clock) {
    this.#chancy = chancy
    this.#clock = clock
  }

  async answer(
    { request, address }: Arrival,
    findPermit: () => Promise<Permit>,
  ): Promise<Response> {
    const { path } = address
    if (path !== '/health/live' && path !== '/health/ready') throw notFound(path)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw notAllowed(request.method, ['GET'])
    const headers = { 'cache-control': 'no-store' }
    const type = 'application/json'
    if (path === '/health/live')
      return textResponse(request, { status: 200, type, text: '{"status":"ok"}', headers })
    const health = await this.#read()
    const seen = (await mayView(findPermit)) ? health : withoutDetails(health)
    const status = health.status === 'down' ? 503 : 200
    return textResponse(request, { status, type, text: JSON.stringify(seen), headers })
  }

  #read(): Promise<WireHealth> {
    const nowMs = this.#clock.monotonic()
    if (this.#shared === null || nowMs >= this.#shared.until)
      this.#shared = { until: nowMs + SHARED_MS, health: this.#check() }
    return this.#shared.health
  }

  async #check(): Promise<WireHealth> {
    const over = new AbortController()
    const late = systemClock.sleep(LATE_MS, over.signal).then(() => null)
    try {
      const found = await Promise.race([this.#query(), late])
      return found ?? down('no answer within a second', OK)
    } catch (error) {
      const detail = isChancyError(error) ? error.message : 'the query failed'
      const isSchema = isChancyError(error) && error.code === 'MIGRATIONS_NEEDED'
      return isSchema ? down(null, { status: 'down', detail }) : down(detail, OK)
    } finally {
      over.abort()
    }
  }

  async #query(): Promise<WireHealth> {
    const bounds = await this.#chancy.internals.boundedWork()
    const workers = await bounds.reading(LATE_MS, () => this.#chancy.getWorkers())
    const alive = workers.filter((worker) => worker.alive).length
    const isListening = this.#chancy.internals.notificationsLive()
    return whole({
      database: OK,
      schema: OK,
      workers:
        alive > 0
          ? { status: 'ok', detail: `${alive} alive` }
          : { status: 'degraded', detail: 'no worker is alive' },
      // A process that waits for nothing does not listen.
      listener: { status: 'ok', detail: isListening ? 'listening' : 'not needed so far' },
    })
  }
}

function down(database: string | null, schema: Check): WireHealth {
  return whole({
    database: database === null ? OK : { status: 'down', detail: database },
    schema,
    workers: { status: 'degraded', detail: 'not known' },
    listener: { status: 'ok', detail: null },
  })
}

function whole(checks: WireHealth['checks']): WireHealth {
  const found = Object.values(checks).map(({ status }) => status)
  const status = found.includes('down') ? 'down' : found.includes('degraded') ? 'degraded' : 'ok'
  return { status, checks }
}

function withoutDetails({ status, checks }: WireHealth): WireHealth {
  const bare = ({ status: one }: Check): Check => ({ status: one, detail: null })
  const { database, schema, workers, listener } = checks
  return {
    status,
    checks: {
      database: bare(database),
      schema: bare(schema),
      workers: bare(workers),
      listener: bare(listener),
    },
  }
}

async function mayView(findPermit: () => Promise<Permit>): Promise<boolean> {
  try {
    return (await findPermit()).allows('workers.view')
  } catch {
    return false
  }
}
