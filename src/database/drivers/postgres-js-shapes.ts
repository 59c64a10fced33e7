/**
 * The parts of postgres.js (3.4) that are used, by shape: the library is the user's, and nothing
 * here imports it. What is optional is not documented there; without it the driver makes do.
 */
export interface PostgresJsQuery extends PromiseLike<readonly unknown[]> {
  /** Asks the server to cancel it, on a connection of its own. */
  canceller?: ((query: PostgresJsQuery) => unknown) | null
  /** Null until it has been given to a connection. */
  readonly state?: unknown
  strings?: readonly string[]
  args?: readonly unknown[]
}

export interface PostgresJsQueryOptions {
  readonly prepare: boolean
  readonly simple: false
  readonly onexecute: (connection: PostgresJsConnection) => boolean
}

export interface PostgresJsConnection {
  terminate?(): unknown
  onclose?: ((error: unknown) => void) | null | undefined
  /** Set while it is held. With `release` it is not taken back when it falls idle. */
  reserved?: { release?: boolean } | null | undefined
}

/** What hangs on `sql.listen`: its own one-connection `sql`, and who listens to what. */
export interface PostgresJsListening {
  sql?: (PostgresJsSession & { end?(options: { timeout: number }): Promise<unknown> }) | undefined
  channels?: Record<string, { listeners: { readonly fn?: unknown }[] } | undefined> | undefined
}

/** Something that takes statements: the root, a reserved session, a transaction. */
export interface PostgresJsSession {
  unsafe(text: string, values: never[], options: PostgresJsQueryOptions): PostgresJsQuery
  typed(value: unknown, oid: number): unknown
}

/** What `postgresJsDriver` takes: the `sql` that `postgres(…)` gave. */
export interface PostgresJs extends PostgresJsSession {
  // The parameters are loose, since its overloads and their type parameters fit nothing else.
  begin(options: never, work: (sql: never) => Promise<unknown>): Promise<unknown>
  listen(
    channel: string,
    onPayload: (payload: string) => void,
    onListen?: () => void,
  ): PromiseLike<{ unlisten(): Promise<void> }>
  readonly options: object
}

/** What is looked at among the settings. */
export interface PostgresJsSettings {
  readonly max?: number
  readonly host?: readonly string[]
  readonly port?: readonly number[]
  readonly path?: unknown
  readonly user?: string
  readonly pass?: unknown
  readonly database?: string
  readonly ssl?: unknown
  readonly socket?: unknown
  readonly parsers?: Readonly<Record<number, ((text: string) => unknown) | undefined>>
  readonly transform?: Readonly<Record<'column' | 'value' | 'row', { readonly from?: unknown }>>
}
