import type { QueuedJob } from '../core/queued-job.ts'
import type { Call } from './call.ts'
import type { Infer, Schema } from './schema.ts'
import type { Role, Verb } from './verbs.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The names of a path such as `/jobs/:id/explain`. */
export type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [Key in Name]: string } & PathParams<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? { readonly [Key in Name]: string }
    : unknown

/** Parameters of the query, each of which may be left out. */
export type QueryShapes = Readonly<Record<string, Schema<unknown>>>
export type QueryOf<Q extends QueryShapes> = { readonly [Name in keyof Q]?: Infer<Q[Name]> }

/** An answer that is more than its JSON. */
export class Reply<out T> {
  readonly value: T
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(
    value: T,
    options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    this.value = value
    this.status = options.status ?? 200
    this.headers = options.headers ?? {}
  }
}

/** A route as it is declared: the router and the OpenAPI document are made of it. */
export interface RouteDefinition<
  Path extends string,
  Q extends QueryShapes,
  Body,
  Answer,
  About extends 'job' | 'queue' | 'all-queues' | undefined,
> {
  readonly method: Method
  /** Below `/api/v1`. */
  readonly path: Path
  /** What it needs: a verb, a role of a route of a plugin, or any access: `session`. */
  readonly verb: Verb | Role | 'session'
  /** One line without a period. */
  readonly summary: string
  readonly query?: Q
  readonly body?: Schema<Body>
  /** Null: 204, without a body. `text`: what the route sends itself, with its type in `sends`. */
  readonly answer: Schema<Answer> | null
  /** The statuses of success. Default: 200, or 204 without an answer. */
  readonly statuses?: readonly number[]
  /**
   * What it acts on, which is looked up and checked before the work: a job by `:id`, a queue by `:name`, or that the
   * access sees all queues.
   */
  readonly about?: About
  /** What runs long, or opens no transaction of its own: it does not take a place among the reads. */
  readonly takesTime?: boolean
  /** The type of an answer that is no JSON. */
  readonly sends?: string
  readonly work: (
    call: Call & {
      readonly params: PathParams<Path>
      readonly query: QueryOf<Q>
      readonly body: Body
    } & (About extends 'job' ? { readonly job: QueuedJob } : unknown),
  ) => Promise<Answer | Reply<Answer> | Response>
}

/** A route as the router keeps it. */
export interface Route {
  readonly method: Method
  readonly path: string
  readonly verb: Verb | Role | 'session'
  readonly summary: string
  readonly query: QueryShapes
  readonly body: Schema<unknown> | null
  readonly answer: Schema<unknown> | null
  readonly statuses: readonly number[]
  readonly about: 'job' | 'queue' | 'all-queues' | null
  readonly takesTime: boolean
  readonly sends: string | null
  /** Whether it reads parameters that are not declared. */
  readonly takesAnyQuery: boolean
  readonly work: (call: Call) => Promise<unknown>
}

/** Declares a route. One without a verb does not compile. */
export function route<
  const Path extends string,
  const Q extends QueryShapes = Record<never, never>,
  Body = undefined,
  Answer = null,
  const About extends 'job' | 'queue' | 'all-queues' | undefined = undefined,
>(definition: RouteDefinition<Path, Q, Body, Answer, About>): Route {
  const { query, body, answer, statuses, about, takesTime, sends, work, ...rest } = definition
  return {
    ...rest,
    query: query ?? {},
    body: body ?? null,
    answer,
    statuses: statuses ?? [answer === null && sends === undefined ? 204 : 200],
    about: about ?? null,
    takesTime: takesTime === true,
    sends: sends ?? null,
    takesAnyQuery: false,
    work: work as (call: Call) => Promise<unknown>,
  }
}
