import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'

/** Files of this package that a thread or a process begins with; a bundler does not see them. */
export type OwnFile =
  | 'worker/lease/heartbeat-thread'
  | 'executors/child/process'
  | 'executors/child/thread'

/** What to do about a missing one, for messages. */
export const UNBUNDLED =
  'This program is bundled. Leave the package out of the bundle (esbuild: --external:chancy) and install it beside, in the same version.'

/**
 * Where such a file is: beside this one, or in the installed package, which a bundle may stand beside. Null
 * when it is in neither place.
 */
export function ownFile(name: OwnFile): URL | null {
  // Undefined in a bundle of CommonJS.
  const here = import.meta.url as string | undefined
  const beside = here === undefined ? null : new URL(`../${name}.js`, here)
  if (beside !== null && existsSync(beside)) return beside
  return installed(name, here ?? pathToFileURL(process.argv[1] ?? path.resolve('index.js')).href)
}

function installed(name: OwnFile, from: string): URL | null {
  try {
    const description = createRequire(from).resolve('chancy/package.json')
    const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version?: unknown }
    const file = new URL(`./dist/${name}.js`, pathToFileURL(description))
    // Both sides of a protocol are of one version.
    return version === VERSION && existsSync(file) ? file : null
  } catch {
    return null
  }
}

/** @throws {ConfigError} when it is in neither place */
export function foundFile(name: OwnFile): URL {
  const found = ownFile(name)
  if (found !== null) return found
  throw new ConfigError(
    `The file chancy/dist/${name}.js was not found, which children of a worker begin with. ${UNBUNDLED} Or declare the queue with the executor "inline".`,
    { details: { file: `chancy/dist/${name}.js` } },
  )
}

/** @throws {ConfigError} when children of this kind cannot be started in this program */
export function checkChildren(executor: string): void {
  if (executor === 'process' && process.versions.bun !== undefined) {
    throw new ConfigError(
      'The executor "process" needs Node.js, since Bun does not pass its children the pipes they are spoken to by. Declare the queue with the executor "thread" or "inline", or run the worker with node.',
    )
  }
  foundFile(executor === 'thread' ? 'executors/child/thread' : 'executors/child/process')
}
