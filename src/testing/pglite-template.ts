import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Plugin } from '../index.ts'
import { schemaDigest } from './schema-digest.ts'
import type { Names } from './statements.ts'
import type { PGliteHandle } from './test-database.ts'

/** A week, in milliseconds: what was not used for so long is removed. */
const UNUSED_MS = 604_800_000
const PGLITE = '@electric-sql/pglite'

/**
 * The data directory of a PGlite in which the tables have been made, as a file of the temporary folder: loading it
 * takes a fraction of making them. Its name is a digest of all that it depends on. Any number of processes may
 * write it concurrently, since each renames a whole file into place.
 */
export class PGliteTemplate {
  readonly #file: string

  private constructor(file: string) {
    this.#file = file
  }

  /** Null where the files of the engine cannot be read, such as in a bundle. */
  static async of(names: Names, plugins: readonly Plugin[]): Promise<PGliteTemplate | null> {
    try {
      const made = [await schemaDigest(names, plugins), await pgliteVersion(), process.version]
      const digest = createHash('sha256').update(JSON.stringify(made)).digest('hex').slice(0, 32)
      const user = process.getuid?.() ?? 'user'
      const folder = join(tmpdir(), `chancy-testing-${user}`)
      return new PGliteTemplate(join(folder, `pglite-${digest}.tar`))
    } catch {
      return null
    }
  }

  async load(): Promise<Blob | null> {
    try {
      const { uid } = await stat(this.#file)
      // Another user of the machine may have put it there.
      if (process.getuid !== undefined && uid !== process.getuid()) return null
      return new Blob([new Uint8Array(await readFile(this.#file))])
    } catch {
      return null
    }
  }

  async save(pglite: PGliteHandle): Promise<void> {
    const folder = dirname(this.#file)
    const blob = await pglite.dumpDataDir('none')
    const own = `${this.#file}.${process.pid}.${randomBytes(4).toString('hex')}`
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(own, new Uint8Array(await blob.arrayBuffer()), { mode: 0o600 })
      await rename(own, this.#file)
      await removeUnused(folder)
    } catch {
      // A temporary folder that is full or read-only costs the time that the file would have saved.
      await rm(own, { force: true }).catch(() => {})
    }
  }

  /** It could not be used. */
  async remove(): Promise<void> {
    await rm(this.#file, { force: true }).catch(() => {})
  }
}

/** Its version, from the package that is loaded. */
async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve(PGLITE)
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null)
    const found = text === null ? null : (JSON.parse(text) as { name?: string; version?: string })
    if (found?.name === PGLITE) return found.version ?? ''
  }
  throw new Error(`the version of ${PGLITE} was not found`)
}

async function removeUnused(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > UNUSED_MS) await rm(file, { force: true })
  }
}
