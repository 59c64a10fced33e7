import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Chancy, Worker } from '../index.ts'
import { type PluginDatabase, pluginAccess } from '../plugin/index.ts'
import * as schemas from './schema-statements.ts'
import { leaveSpare, type MadeSchema } from './spare-schema.ts'
import * as sql from './statements.ts'
import type { PGliteHandle } from './test-database.ts'

/** The plugin of the kit itself, by which it reaches the database of the application. */
export const KIT = 'chancy.testing'

/** A name that no other test has. */
export const newSchemaName = (): string => `${schemas.PREFIX}${randomBytes(8).toString('hex')}`

/** The schema of one test file, which the kit has made and nothing else uses. */
export class OwnSchema {
  readonly name: string
  readonly #chancy: Chancy
  readonly #database: PluginDatabase
  readonly #digest: string | null
  #shape: string | null

  /** @param made What its tables are made of, and a spare one that was taken. */
  constructor(
    name: string,
    chancy: Chancy,
    made: { readonly digest: string | null; readonly spare: MadeSchema | null },
  ) {
    this.name = name
    this.#chancy = chancy
    this.#database = pluginAccess(chancy, KIT).database
    this.#digest = made.digest
    this.#shape = made.spare?.shape ?? null
  }

  get names(): sql.Names {
    return this.#database.names
  }

  get driver(): PluginDatabase['driver'] {
    return this.#database.driver
  }

  query<Row>(text: sql.Text): Promise<Row[]> {
    return this.#database.driver.query<Row>(text)
  }

  /** Makes it with all tables, and with a time that stands still. @throws when a schema of the name is there */
  async make(nowMs: number): Promise<void> {
    await this.query(schemas.makeSchema(this.name, { madeMs: Date.now(), isKept: false }))
    await this.#chancy.migrate()
    await this.query(sql.install(this.names, nowMs))
    await this.query(schemas.installEmpty(this.names))
    const [made] = await this.query<{ shape: string }>(schemas.readShape(this.names))
    this.#shape = made?.shape ?? null
  }

  /** Whether it came with the database. */
  async exists(): Promise<boolean> {
    const [row] = await this.query<{ found: boolean }>(schemas.findSchema(this.name))
    return row?.found === true && (await this.#chancy.isUpToDate())
  }

  /** Takes over the one that came with the database, or that another test has left. */
  async adopt(nowMs: number): Promise<void> {
    await this.query(sql.setTime(this.names, nowMs))
  }

  /** Empties all tables but what was declared, and ends the pauses of queues. */
  async empty(): Promise<void> {
    await this.#all([schemas.emptyTables(this.names, false), sql.resumeQueues(this.names)])
  }

  /** Makes and removes partitions of the history as a worker does that starts now. */
  async maintain(): Promise<void> {
    const worker = new Worker(this.#chancy, { queues: [], signals: false, shutdownTimeout: '1s' })
    const maintained = new Promise<void>((resolve) => {
      const end = this.#chancy.on('partitions.maintained', () => {
        end()
        resolve()
      })
    })
    await worker.start()
    try {
      await maintained
    } finally {
      await worker.stop()
    }
  }

  /** Leaves it empty to the next test, or drops it where it is not what it was when it was made. */
  async end(): Promise<void> {
    const [digest, shape] = [this.#digest, this.#shape]
    if (digest !== null && shape !== null) {
      const made = { names: this.names, digest, shape }
      if (await leaveSpare(this.#database.driver, made).catch(() => false)) return
    }
    await this.query(schemas.dropSchema(this.name))
  }

  /** Leaves it to be read, until a run that is a week later, and prints where it is. */
  async keep(pglite: PGliteHandle | null): Promise<void> {
    if (pglite === null) {
      await this.query(schemas.markSchema(this.name, { madeMs: Date.now(), isKept: true }))
      say(
        `kept the schema ${this.name}. Read it with: psql "$CHANCY_TEST_URL" -c "SET search_path = ${this.name}"`,
      )
      return
    }
    const file = join(await mkdtemp(join(tmpdir(), 'chancy-kept-')), 'pglite.tar')
    await writeFile(file, new Uint8Array(await (await pglite.dumpDataDir('none')).arrayBuffer()))
    say(
      `kept the schema ${this.name} of PGlite in ${file}. Load it with: new PGlite({ loadDataDir })`,
    )
  }

  #all(texts: readonly sql.Text[]): Promise<void> {
    return this.#database.driver.transaction(async (session) => {
      for (const text of texts) await session.query(text)
    })
  }
}

/** To a person: a runner may catch what goes through the console. */
function say(text: string): void {
  process.stderr.write(`chancy/testing ${text}\n`)
}
