import pg from 'pg'

/** Changes the text of a function of the schema, which must have what is replaced. */
export async function cut(
  url: string,
  schema: string,
  name: string,
  from: RegExp,
  to: string,
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ text: string }>(
      `SELECT pg_get_functiondef('"${schema}".${name}'::regproc) AS text`,
    )
    const { text } = rows[0]!
    if (text.search(from) < 0) throw new Error(`${name} has nothing like ${from}`)
    await client.query(text.replace(from, () => to.replaceAll('SCHEMA', schema)))
  } finally {
    await client.end()
  }
}
