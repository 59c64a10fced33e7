import { PGlite } from '@electric-sql/pglite'
import { Chancy, type ChancyOptions, pgliteDriver } from 'chancy'
import { cron } from 'chancy/plugins/cron'
import { triggers } from 'chancy/plugins/triggers'
import pg from 'pg'
import { type Case, cases } from './cases.ts'
import type { Load } from './library.ts'
import { type Version, versions } from './versions.ts'

/** What this program is given as JSON. */
export interface Order {
  readonly url: string
  /** The schemas of Chancy, by the names of the versions that are to be run. */
  readonly schemas: Readonly<Record<string, string>>
}

/** What it prints, a line of JSON for each case. */
export interface Answer {
  readonly version: string
  readonly title: string
  readonly error: string | null
}

/** Runs the cases with real libraries, in the Node that they need, and as a user's program: without Vite. */
const { url, schemas } = JSON.parse(process.argv[2] ?? '') as Order
for (const [name, schema] of Object.entries(schemas)) {
  const version = versions.find((one) => one.name === name)
  if (version === undefined) throw new Error(`no version ${name}`)
  try {
    await runVersion(version, schema)
  } catch (error) {
    for (const { title } of cases) print({ version: name, title, error: textOf(error) })
  }
}

async function runVersion({ name, folder, open, isPGlite }: Version, schema: string) {
  const { load } = (await import(`./${folder}/load.ts`)) as { load: Load }
  const address = new URL(url)
  address.searchParams.set('application_name', schema)
  const db = isPGlite ? await PGlite.create() : undefined
  const options = { schema, plugins: [cron(), triggers()], notifications: db === undefined }
  await using chancy = new Chancy(db === undefined ? address.href : pgliteDriver(db), options)
  await chancy.migrate()
  const table = `public.users_of_${schema}`
  await execute(address.href, db, `CREATE TABLE ${table} (email text PRIMARY KEY)`)
  const library = await open(address.href, load, db)
  const rowsOf = async (own: string) =>
    (await execute(address.href, db, `SELECT 1 FROM ${schema}.${own}`)).length
  const again = (own: ChancyOptions) =>
    new Chancy(db === undefined ? address.href : pgliteDriver(db), { ...options, ...own })
  const select = (text: string) => execute(address.href, db, text)
  const setting = { library, chancy, table, rowsOf, again, select, isAlone: db !== undefined }
  for (const one of cases) print({ version: name, title: one.title, error: await run(one) })
  await library.close()
  await execute(address.href, db, `DROP TABLE ${table}`)
  await db?.close()

  async function run({ run: body }: Case): Promise<string | null> {
    try {
      await body(setting)
      return null
    } catch (error) {
      return textOf(error)
    }
  }
}

async function execute(
  address: string,
  db: PGlite | undefined,
  text: string,
): Promise<readonly unknown[]> {
  if (db !== undefined) return (await db.query(text)).rows
  const client = new pg.Client({ connectionString: address })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

function print(answer: Answer): void {
  console.log(JSON.stringify(answer))
}

function textOf(error: unknown): string {
  return (error as Error).stack ?? String(error)
}
