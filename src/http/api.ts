import type { BoundedWork } from '../app/bounded-work.ts'
import type { Chancy } from '../app/chancy.ts'
import { didYouMean, inspect } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import type { Permit } from './access.ts'
import type { Arrival } from './arrival.ts'
import { bodyOf } from './body.ts'
import { type Call, hidden } from './call.ts'
import { textResponse } from './headers.ts'
import type { Settings } from './options.ts'
import { checkOrigin } from './origin-rule.ts'
import { prometheusText } from './prometheus.ts'
import { Rates } from './rates.ts'
import { ReadLine } from './read-line.ts'
import { Readiness } from './readiness.ts'
import { Reply, type Route } from './route.ts'
import { routesOf } from './route-list.ts'
import { type Match, Router } from './router.ts'
import { Streams } from './streams.ts'

export interface ApiOptions {
  readonly chancy: Chancy
  readonly reads: Chancy
  readonly settings: Settings
  readonly clock: Clock
  readonly closed: AbortSignal
}

type FindPermit = () => Promise<Permit>

/** How long a request waited for its place, and for the database, in milliseconds. */
interface Timing {
  wait: number
  db: number
}

/** The routes of `/api/v1`, and what is served beside them. */
export class Api {
  readonly #options: ApiOptions
  readonly #router: Router
  readonly #actors: Rates
  readonly #readiness: Readiness
  readonly #streams: Streams
  #line: Promise<ReadLine> | null = null

  constructor(options: ApiOptions) {
    const { settings, clock, chancy } = options
    this.#options = options
    this.#router = new Router(routesOf(chancy, settings))
    this.#actors = new Rates(
      clock,
      settings.limits.requestsPerSecond,
      settings.limits.requestsBurst,
    )
    this.#readiness = new Readiness(options.reads, clock)
    this.#streams = new Streams(clock, settings.limits)
  }

  async answer(arrival: Arrival, path: string, findPermit: FindPermit): Promise<Response> {
    const { request } = arrival
    const match = this.#router.match(request.method, path)
    const permit = await findPermit()
    if (match.route.method !== 'GET') this.#checkOrigin(arrival)
    this.#actors.take(permit.actor.id)
    const { verb } = match.route
    // Before anything is looked up; what `allow` says of it comes when it is known what it is about.
    if (verb !== 'session' && !permit.has(verb)) {
      if (match.route.method !== 'GET') await this.#recordRefusal(arrival, permit, verb)
      throw denied(verb, permit)
    }
    const timing: Timing = { wait: 0, db: 0 }
    const call = this.#call(arrival, match, permit, timing)
    const whole: Call = {
      ...call,
      stream: (topics) => this.#streams.open(whole, topics, () => isSame(permit, findPermit)),
    }
    const answer = await this.#work(whole, match, timing)
    const response = await this.#response(match.route, call, answer)
    response.headers.set(
      'server-timing',
      `db;dur=${timing.db.toFixed(1)}, wait;dur=${timing.wait.toFixed(1)}`,
    )
    return response
  }

  /** Who tried what a role lacks stands in the audit log. A database that is away does not change the answer. */
  async #recordRefusal({ requestId, peer, address }: Arrival, permit: Permit, verb: string) {
    const { chancy, settings } = this.#options
    const { id, name } = permit.actor
    const bounds = await chancy.internals.boundedWork()
    const record = () =>
      chancy.audit.record({
        actor: { id, ...(name != null && { name }) },
        requestId,
        ...(peer.remoteAddress !== undefined && { address: peer.remoteAddress }),
        verb,
        target: address.path.slice(0, 300),
        outcome: 'refused',
        code: 'ACCESS_DENIED',
      })
    await bounds.acting(settings.limits.actionMs, record).catch(() => {})
  }

  async prometheus(arrival: Arrival, permit: Permit): Promise<Response> {
    checkVerb(permit, 'metrics.view', {})
    const { reads } = this.#options
    const { type, text } = await this.#read(reads, { wait: 0, db: 0 }, () =>
      prometheusText(reads, permit.scope, arrival.request.headers.get('accept')),
    )
    return textResponse(arrival.request, { status: 200, type, text, headers: {} })
  }

  health(arrival: Arrival, findPermit: FindPermit): Promise<Response> {
    return this.#readiness.answer(arrival, findPermit)
  }

  #checkOrigin({ request, address }: Arrival): void {
    checkOrigin(request.headers, {
      origin: address.origin,
      origins: this.#options.settings.origins,
    })
  }

  #call(arrival: Arrival, { route, params }: Match, permit: Permit, timing: Timing): Call {
    const { chancy, reads, settings, clock, closed } = this.#options
    const { request, requestId, peer, address } = arrival
    return {
      ...{ chancy, reads, settings, clock, permit, params, request, requestId, peer },
      query: queryOf(route, address.query),
      body: undefined,
      signal: AbortSignal.any([request.signal, closed]),
      closed,
      read: (work) => this.#read(reads, timing, work),
      stream: () => {
        throw new Error('this route opens no stream')
      },
    }
  }

  /** What the route acts on: looked up, and checked against the queues and the verbs of the access. */
  async #about(
    call: Call,
    { route: { about, verb }, params }: Match,
  ): Promise<{ readonly job?: QueuedJob }> {
    const { permit } = call
    if (about === 'all-queues' && !permit.scope.isWhole) {
      throw new ChancyError(
        'ACCESS_DENIED',
        'This is shown to those who see all queues, and this access sees some.',
        { details: { verb } },
      )
    }
    if (about === 'job') {
      const { id = '' } = params
      const job = await call.read(() => call.reads.getJob(id))
      if (job === null || !permit.scope.sees(job.queue)) throw hidden('JOB_NOT_FOUND', id)
      checkVerb(permit, verb, { queue: job.queue, name: job.name })
      return { job }
    }
    const { name: queue } = params
    if (about === 'queue' && queue !== undefined && !permit.scope.sees(queue))
      throw hidden('QUEUE_NOT_FOUND', inspect(queue))
    checkVerb(permit, verb, about === 'queue' && queue !== undefined ? { queue } : {})
    return {}
  }

  /** A read has a place in the line and a transaction of its own, an action a deadline. */
  async #work(call: Call, match: Match, timing: Timing): Promise<unknown> {
    const { chancy, settings } = this.#options
    const { route } = match
    const { limits } = settings
    if (route.method === 'GET' && !route.takesTime) {
      return call.read(async () => {
        const within = { ...call, read: <T>(work: () => Promise<T>) => work() }
        return route.work({ ...within, ...(await this.#about(within, match)) })
      })
    }
    const { body: shape } = route
    // Before anything is looked up: what cannot be read costs no statement.
    const body = shape === null ? undefined : await bodyOf(call.request, shape, limits.bodyBytes)
    const about = await this.#about(call, match)
    const whole = { ...call, ...about, body }
    if (route.takesTime) return route.work(whole)
    const bounds = await chancy.internals.boundedWork()
    return this.#timed(timing, () => bounds.acting(limits.actionMs, () => route.work(whole)))
  }

  async #read<T>(chancy: Chancy, timing: Timing, work: () => Promise<T>): Promise<T> {
    const { clock, settings } = this.#options
    const bounds = await chancy.internals.boundedWork()
    this.#line ??= Promise.resolve(this.#newLine(bounds))
    const line = await this.#line
    const arrivedAt = clock.monotonic()
    return line.run(() => {
      timing.wait += clock.monotonic() - arrivedAt
      return this.#timed(timing, () => bounds.reading(settings.limits.readMs, work))
    })
  }

  #newLine({ sessions }: BoundedWork): ReadLine {
    const { settings, clock } = this.#options
    const { reads, waitingReads, readWaitMs } = settings.limits
    const width = Math.min(reads, Math.max(1, Math.floor(sessions / 2)))
    return new ReadLine({ clock, width, length: waitingReads, waitMs: readWaitMs })
  }

  async #timed<T>(timing: Timing, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    try {
      return await work()
    } finally {
      timing.db += clock.monotonic() - startedAt
    }
  }

  async #response(route: Route, { request }: Call, answer: unknown): Promise<Response> {
    if (answer instanceof Response) return answer
    const reply =
      answer instanceof Reply ? answer : new Reply(answer, { status: route.statuses[0]! })
    if (route.answer === null)
      return new Response(null, { status: reply.status, headers: { 'cache-control': 'no-store' } })
    const text = JSON.stringify(reply.value)
    const { status, headers } = reply
    return textResponse(request, { status, type: 'application/json', text, headers })
  }
}

/** Whether a later access is still that of the stream. */
async function isSame(permit: Permit, findPermit: FindPermit): Promise<boolean> {
  try {
    const now = await findPermit()
    return now.key === permit.key && now.role === permit.role && now.actor.id === permit.actor.id
  } catch {
    return false
  }
}

/** Parameters as their shapes; unknown ones are refused. @throws {ConfigError} */
function queryOf(
  { query, takesAnyQuery }: Route,
  given: URLSearchParams,
): Readonly<Record<string, unknown>> {
  if (takesAnyQuery) return {}
  const found: Record<string, unknown> = {}
  for (const [name, text] of given) {
    const shape = Object.hasOwn(query, name) ? query[name] : undefined
    if (shape?.read === undefined) {
      const names = Object.keys(query)
      const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`
      throw new ConfigError(
        `The parameter ${inspect(name)} is not known; ${known}.${didYouMean(name, names)}`,
      )
    }
    if (Object.hasOwn(found, name))
      throw new ConfigError(`The parameter ${inspect(name)} stands more than once.`)
    found[name] = shape.read(text, name)
  }
  return found
}

/** @throws {ChancyError} `ACCESS_DENIED` */
function checkVerb(
  permit: Permit,
  verb: Route['verb'],
  about: { readonly queue?: string; readonly name?: string },
): void {
  if (verb !== 'session' && !permit.allows(verb, about)) throw denied(verb, permit)
}

function denied(verb: string, { role }: Permit): ChancyError {
  return new ChancyError('ACCESS_DENIED', `The role ${role} may not do this: it lacks ${verb}.`, {
    details: { verb, role },
  })
}
