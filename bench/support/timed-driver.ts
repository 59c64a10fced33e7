import type { Driver } from './chancy.ts'

type Query = Parameters<Driver['query']>[0]

/** One statement as the client saw it. */
export interface Call {
  /** The name it is prepared under, without the digits of its text: `claim_jobs`. */
  readonly name: string
  /** From the call to the answer, the wait for a connection included, in milliseconds. */
  readonly ms: number
  readonly rows: number
}

/** Reports every named statement of a driver that was answered. */
export function timedDriver(driver: Driver, onCall: (call: Call) => void): Driver {
  return {
    get sessions() {
      return driver.sessions
    },
    async query<Row>(query: Query): Promise<Row[]> {
      const startedAt = performance.now()
      const rows = await driver.query<Row>(query)
      onCall({ name: nameOf(query), ms: performance.now() - startedAt, rows: rows.length })
      return rows
    },
    transaction: (work) => driver.transaction(work),
    reserve: () => driver.reserve(),
    listen: (channel, listener) => driver.listen(channel, listener),
    close: () => driver.close(),
    address: async () => (await driver.address?.()) ?? null,
  }
}

/** Statements are named by what they do and eight hex digits of their text. */
export function nameOf({ name }: Query): string {
  return name?.replace(/_[0-9a-f]{8}(_\d+)?$/, '') ?? 'unnamed'
}
