import { databaseUrl, withClient } from './database.ts'

/** A change to the text of a function of the schema. */
export interface Mutant {
  readonly from: RegExp
  /** `SCHEMA` stands for the name of the schema. */
  readonly to: string
}

/** Runs `work` while the function is changed, and brings the original back. */
export async function withMutant<T>(
  schema: string,
  name: string,
  { from, to }: Mutant,
  work: () => Promise<T>,
): Promise<T> {
  const original = await textOf(schema, name)
  if (original.search(from) < 0) throw new Error(`${name} has nothing like ${from}`)
  await run(schema, original.replace(from, to.replaceAll('SCHEMA', schema)))
  try {
    return await work()
  } finally {
    await run(schema, original)
  }
}

async function textOf(schema: string, name: string): Promise<string> {
  return withClient(async (client) => {
    const text = `SELECT pg_get_functiondef('${schema}.${name}'::regproc) AS text`
    return (await client.query<{ text: string }>(text)).rows[0]!.text
  }, databaseUrl(schema))
}

/** As it stands: the text is full of dollars. */
async function run(schema: string, text: string): Promise<void> {
  await withClient((client) => client.query(text), databaseUrl(schema))
}
