import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { Plugin } from '../index.ts'
import { install, type Names } from './statements.ts'

/** What the tables of the engine are made of. */
const ENGINE = ['../database/sql.generated.js', '../database/migrations/'].map(
  (path) => new URL(path, import.meta.url),
)

/**
 * A digest of all that the tables of a schema are made of: those of the engine, of plugins and of the kit. `names`
 * are those of one name at all times, since the name of the schema is in the texts.
 *
 * @throws where the files of the engine cannot be read, such as in a bundle
 */
export async function schemaDigest(names: Names, plugins: readonly Plugin[]): Promise<string> {
  const hash = createHash('sha256')
  for (const text of await engineTexts()) hash.update(text)
  for (const { name, migrations = [] } of plugins) {
    for (const { version, up, after } of migrations)
      hash.update(JSON.stringify([name, version, up(names), String(JSON.stringify(after ?? null))]))
  }
  hash.update(JSON.stringify(install(names, 0)))
  return hash.digest('hex').slice(0, 32)
}

async function engineTexts(): Promise<readonly Buffer[]> {
  const [sql, migrations] = ENGINE as [URL, URL]
  const files = (await readdir(migrations)).filter((name) => name.endsWith('.js')).sort()
  return Promise.all(
    [sql, ...files.map((name) => new URL(name, migrations))].map((url) => readFile(url)),
  )
}
