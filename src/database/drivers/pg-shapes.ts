/**
 * The parts of node-postgres that are used, by shape: the library is the user's, in whatever
 * version, and nothing here imports it.
 */
export interface PgQuery {
  readonly text: string
  readonly values: unknown[]
  readonly name?: string
  readonly types: unknown
  readonly queryMode: 'extended'
}

export interface PgResult {
  readonly rows: unknown[]
  readonly command?: string
}

export type PgCallback = (error: Error | null | undefined, result: PgResult) => void

export interface PgClient {
  // Method syntax, and loose parameters, so that every version's overloads fit.
  query(query: PgQuery, callback: PgCallback): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  /** The backend's process id, once it is connected. */
  readonly processID?: number | null
  /** The protocol object under it. Absent with pg-native. */
  readonly connection?: { readonly stream?: { destroy(): unknown } }
}

// A client that stopped waiting for an answer would hand that answer to the next query
// (node-postgres #3399), so that only the end of the socket is safe.
export function destroySocket(client: PgClient): void {
  // The client reports its end as an error; unheard that ends the process.
  client.on('error', () => {})
  client.connection?.stream?.destroy()
}

export interface PgPoolClient extends PgClient {
  release(error?: Error | boolean): void
}

/** A client of the listener's own. */
export interface PgOwnClient extends PgClient {
  connect(callback: (error: Error | null | undefined) => void): unknown
  end(callback: () => void): unknown
}

export type PgConnectCallback = (
  error: Error | undefined,
  client: PgPoolClient | undefined,
  done: (release?: unknown) => void,
) => void

/** What `pgDriver` takes: a `Pool` of `pg`, or something that behaves like one. */
export interface PgPool {
  connect(callback: PgConnectCallback): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  /** The settings it was made with. */
  readonly options?: object
}

/** Types by OID that statements may select; everything else stays text. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  21: Number,
  23: Number,
  25: String,
  700: Number,
  701: Number,
}
const asIs = (text: string): unknown => text

/** Given with each query: the parsers that a user has set for other code do not reach the rows. */
export const PG_TYPES = {
  getTypeParser: (oid: number): ((text: string) => unknown) => PARSERS[oid] ?? asIs,
}
