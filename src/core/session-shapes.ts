/** Databases of which `ctx.transaction` can begin a transaction, by their shapes: nothing of theirs is imported. */

/** A pool of `pg`. */
export interface PgPool<C> {
  connect(
    done: (
      error: Error | undefined,
      client: C | undefined,
      // biome-ignore lint/suspicious/noExplicitAny: what pg takes there differs from version to version
      release: (error?: any) => void,
    ) => void,
  ): void
  readonly totalCount: number
}

/** The root `sql` of postgres.js. */
export interface PostgresJs<T> {
  // biome-ignore lint/suspicious/noExplicitAny: postgres.js maps what its callback returns
  begin(options: string, work: (tx: T) => any): Promise<any>
  readonly unsafe: unknown
}

/** A PGlite database, the root `db` of Drizzle, or the root `knex`. */
export interface Transactional<T> {
  // biome-ignore lint/suspicious/noConfusingVoidType: the callback of Knex may return nothing
  transaction<R>(work: (tx: T) => Promise<R> | void): Promise<R>
}
