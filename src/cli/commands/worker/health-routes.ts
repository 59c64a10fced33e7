import { systemClock } from '../../../core/clock.ts'
import { type Chancy, isChancyError, type Worker, type WorkerHealth } from '../../../index.ts'
import { contentType, metricsText } from '../../../plugins/metrics/prometheus.ts'
import { healthMetrics } from './health-metrics.ts'

/** What is answered to a request. */
export interface HealthAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The text of the fleet is read from the database once in this time at most, in milliseconds. */
const FLEET_KEPT_MS = 1_000
/** Prometheus waits for 10 s: without the database what this worker knows is answered before. */
const FLEET_WAIT_MS = 3_000

const WHY_NOT: Readonly<Record<WorkerHealth['state'], string | null>> = {
  running: null,
  starting: 'the worker starts: it has no lease yet, or waits for the database',
  doubtful: 'the lease of the worker could not be renewed: check the server and the network',
  paused: 'the worker is paused',
  stopping: 'the worker stops: it waits for what runs',
  stopped: 'the worker has stopped',
}

/** The three addresses of a worker. */
export class HealthRoutes {
  readonly #chancy: Chancy
  readonly #worker: Pick<Worker, 'health'>
  #fleet: { readonly until: number; readonly text: Promise<string | null> } | null = null

  constructor(chancy: Chancy, worker: Pick<Worker, 'health'>) {
    this.#chancy = chancy
    this.#worker = worker
  }

  async answer(method: string, path: string): Promise<HealthAnswer> {
    const route = this.#route(path)
    if (route === null) {
      return json(404, { error: 'There is /live, /ready and /metrics.' })
    }
    if (method !== 'GET' && method !== 'HEAD') {
      const answer = json(405, { error: 'Only GET and HEAD are answered.' })
      return { ...answer, headers: { allow: 'GET, HEAD' } }
    }
    return route()
  }

  #route(path: string): (() => HealthAnswer | Promise<HealthAnswer>) | null {
    switch (path) {
      // A loop that does not turn does not answer.
      case '/live':
        return () => json(200, { live: true })
      case '/ready':
        return () => this.#ready()
      case '/metrics':
        return () => this.#metrics()
      default:
        return null
    }
  }

  #ready(): HealthAnswer {
    const health = this.#worker.health()
    const why =
      WHY_NOT[health.state] ??
      (health.queues.length > 0
        ? null
        : 'the worker runs no queue: none is for it, or what runs their jobs cannot start')
    return json(why === null ? 200 : 503, { ready: why === null, ...(why && { why }), ...health })
  }

  async #metrics(): Promise<HealthAnswer> {
    const now = systemClock.monotonic()
    if (this.#fleet === null || now >= this.#fleet.until) {
      this.#fleet = { until: now + FLEET_KEPT_MS, text: this.#fleetText() }
    }
    const fleet = await this.#fleet.text
    const isFleetRead = fleet === NO_PLUGIN ? null : fleet !== null
    const body = `${fleet ?? ''}${healthMetrics(this.#worker.health(), isFleetRead)}`
    return { status: 200, type: contentType, body }
  }

  /** Null: the database could not be read in time. */
  async #fleetText(): Promise<string | null> {
    const over = new AbortController()
    try {
      const late = systemClock.sleep(FLEET_WAIT_MS, over.signal).then(() => null)
      return await Promise.race([metricsText(this.#chancy), late])
    } catch (error) {
      return isChancyError(error) && error.code === 'PLUGIN_MISSING' ? NO_PLUGIN : null
    } finally {
      over.abort()
    }
  }
}

/** The text where the plugin of metrics is not there. */
const NO_PLUGIN = ''

function json(status: number, value: object): HealthAnswer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
