import { Chancy, type ChancyOptions, type Driver, Worker, type WorkerOptions } from 'chancy'
import pg from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { databaseUrl, prepareSchema, testSchema } from './database.ts'
import { emptyingText } from './emptying.ts'
import { checkRowStates } from './row-states.ts'

type Row = Record<string, unknown>
type Session = Pick<Driver, 'query'>
type Query = Parameters<Driver['query']>[0]

/** What the tests of one file share: a schema, migrated once and emptied after each test. */
export interface TestApplication {
  readonly schema: string
  /** A Chancy of that schema, closed after the test. Default: over the server's address. */
  chancy(options?: ChancyOptions, database?: string | Driver): Chancy
  /** A worker that runs, and stops after the test. */
  worker(chancy: Chancy, options?: WorkerOptions): Promise<Worker>
  /** Plain SQL beside the application; `$jobs` and the like stand for the tables. */
  sql<T extends Row = Row>(text: string, values?: unknown[]): Promise<T[]>
  /** A session of its own, ended after the test. */
  client(): Promise<pg.Client>
  /** A pool of its own, ended after the test. */
  pool(max?: number): pg.Pool
  /** How many jobs there are, waiting, running or finished. */
  count(): Promise<number>
}

const TABLES = [
  'jobs',
  'finished_jobs',
  'queues',
  'workers',
  'waiters',
  'concurrency_groups',
  'scan_watermarks',
  'key_throttles',
  'key_replacements',
  'workflows',
  'steps',
  'step_ends',
  'job_steps',
  'signals',
  'job_values',
]

/**
 * Call it at the top level of a test file.
 *
 * @param options.empties Whether the tables are emptied after each test. Default: true.
 */
export function testApplication({ empties = true } = {}): TestApplication {
  const schema = testSchema()
  const own = new pg.Client({ connectionString: databaseUrl() })
  const endings: (() => Promise<unknown>)[] = []
  const url = databaseUrl(schema)

  const sql = async <T extends Row = Row>(text: string, values: unknown[] = []): Promise<T[]> => {
    const named = text.replace(/\$([a-z_]+)/g, `${schema}.$1`)
    return (await own.query<T>(named, values)).rows
  }

  beforeAll(async () => {
    own.on('error', () => {})
    await own.connect()
    await prepareSchema(schema)
    await own.query(checkRowStates(`${schema}.jobs`))
  })
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end()
    if (empties) await own.query(emptyingText(schema, TABLES))
  })
  afterAll(() => own.end())

  return {
    schema,
    sql,
    chancy(options = {}, database = url) {
      const chancy = new Chancy(database, { schema, ...options })
      endings.push(() => chancy.close())
      return chancy
    },
    async worker(chancy, options = {}) {
      const worker = new Worker(chancy, { signals: false, ...options })
      endings.push(() => worker.stop())
      await worker.start()
      return worker
    },
    async client() {
      const client = new pg.Client({ connectionString: url })
      client.on('error', () => {})
      await client.connect()
      endings.push(() => client.end())
      return client
    },
    pool(max = 4) {
      const pool = new pg.Pool({ connectionString: url, max })
      endings.push(() => pool.end())
      return pool
    },
    async count() {
      const [row] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM $all_jobs')
      return row?.n ?? 0
    },
  }
}

/** A driver that notes the text of every statement that goes through it. */
export function noting(driver: Driver): Driver & { readonly texts: string[] } {
  const texts: string[] = []
  const note = (text: string, send: () => Promise<unknown[]>): Promise<unknown[]> => {
    texts.push(text)
    return send()
  }
  return { ...hooked(driver, note), texts }
}

/** Whether it is the statement of a push: there are three, and another that claims as well. */
export function isPush(text: string): boolean {
  return /\."push(_taken)?_1"/.test(text) || /INSERT INTO \S+\."jobs" \(/.test(text)
}

/** The pushes among noted statements. */
export function pushesOf({ texts }: { readonly texts: readonly string[] }): number {
  return texts.filter(isPush).length
}

/** A driver whose statements go through `hook`, which sends them on, late, or pretends otherwise. */
export function hooked(
  driver: Driver,
  hook: (text: string, send: () => Promise<unknown[]>) => Promise<unknown[]>,
): Driver {
  const address = driver.address?.bind(driver)
  const on = (session: Session): Session => ({
    query: async <Row>(query: Query) =>
      (await hook(query.text, () => session.query(query))) as Row[],
  })
  return {
    query: on(driver).query,
    transaction: (work) => driver.transaction((session) => work(on(session))),
    reserve: () => driver.reserve(),
    listen: (channel, listener) => driver.listen(channel, listener),
    close: () => driver.close(),
    ...(address === undefined ? {} : { address }),
    sessions: driver.sessions,
  }
}

/** What a driver says when the connection is lost under a statement. */
export function connectionLost(): Error {
  return Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
}
