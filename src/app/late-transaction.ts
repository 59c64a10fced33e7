import type { Driver, Query, Session } from '../database/driver.ts'

/** A transaction that begins with its first statement: work that is refused before that sends none. */
export class LateTransaction implements Session {
  readonly #driver: Pick<Driver, 'transaction'>
  readonly #first: (session: Session) => Promise<unknown>
  #begun: Promise<Session> | null = null
  #over: Promise<void> = Promise.resolve()
  #commit: () => void = () => {}
  #rollBack: (error: unknown) => void = () => {}

  /** @param first What runs before the first statement. */
  constructor(driver: Pick<Driver, 'transaction'>, first: (session: Session) => Promise<unknown>) {
    this.#driver = driver
    this.#first = first
  }

  async query<Row = never>(query: Query): Promise<Row[]> {
    this.#begun ??= this.#begin()
    return (await this.#begun).query<Row>(query)
  }

  /** Runs work in it, to its commit. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let value: T
    try {
      value = await work()
    } catch (error) {
      this.#rollBack(error)
      await this.#over.catch(() => {})
      throw error
    }
    this.#commit()
    await this.#over
    return value
  }

  #begin(): Promise<Session> {
    const ended = new Promise<void>((resolve, reject) => {
      this.#commit = resolve
      this.#rollBack = reject
    })
    // Where it cannot begin, no transaction is there to be ended.
    ended.catch(() => {})
    return new Promise((resolve, reject) => {
      this.#over = this.#driver.transaction(async (session) => {
        await this.#first(session)
        resolve(session)
        await ended
      })
      this.#over.catch(reject)
    })
  }
}
