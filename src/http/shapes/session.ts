import {
  flag,
  type Infer,
  integer,
  json,
  list,
  named,
  nullable,
  object,
  oneOf,
  record,
  text,
  time,
} from '../schema.ts'
import { actorShape } from './audit.ts'

/** Who asks, what is allowed, and how the server is set. */
export const sessionShape = named(
  'Session',
  object({
    actor: actorShape,
    role: oneOf(['view', 'operate', 'admin']),
    /** What may be done, such as `jobs.retry`. */
    verbs: list(text()),
    /** Patterns of the queues that are shown; null: all. */
    queues: nullable(list(text())),
    isReadOnly: flag(),
    requireReason: flag(),
    /** Names of the plugins of the application. */
    plugins: list(text()),
    /** The names that may be pushed over HTTP; null: none. */
    push: nullable(list(text())),
    live: oneOf(['sse', 'poll', 'none']),
    /** The zone that all viewers see; null: that of the browser. */
    timeZone: nullable(text()),
    serverTime: time(),
    versions: object({ chancy: text(), schema: integer(), postgres: text() }),
    schema: text(),
    limits: object({
      list: integer(),
      series: integer(),
      points: integer(),
      ids: integer(),
      bodyBytes: integer(),
      urlBytes: integer(),
      searchMs: integer(),
      statementMs: integer(),
    }),
  }),
)
export type WireSession = Infer<typeof sessionShape>

/** RFC 9457, sent as `application/problem+json`. */
export const problemShape = named(
  'Problem',
  object({
    type: text(),
    title: text(),
    status: integer(),
    detail: nullable(text()),
    code: text(),
    /** Such as `at` of a filter, `verb` of a refusal, `state` of a conflict. */
    details: record(json()),
    /** Where to sign in, of `ACCESS_NEEDED`. */
    login: nullable(text()),
    requestId: text(),
  }),
)
export type WireProblem = Infer<typeof problemShape>
