import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'

/**
 * What a child has to load before these modules, or null: TypeScript is loaded by Node where it can,
 * else through tsx where that is installed.
 *
 * @throws {ConfigError} when neither will do
 */
export function loaderFor(modules: readonly string[]): string | null {
  const wanted = modules.find((one) => /\.[cm]?tsx?$/.test(one.split('?')[0]!))
  const { typescript } = process.features as { typescript?: unknown }
  return wanted === undefined || typescript ? null : tsxFor(wanted)
}

function tsxFor(wanted: string): string {
  const file = wanted.startsWith('file:') ? fileURLToPath(wanted) : path.resolve(wanted)
  for (const from of [file, path.join(process.cwd(), 'package.json')]) {
    try {
      return registerOf(createRequire(from).resolve('tsx/package.json'))
    } catch {
      // Not from there.
    }
  }
  throw new ConfigError(
    `jobs: ${inspect(wanted)} is TypeScript, which Node ${process.versions.node} does not load by itself in a child. Install tsx, use Node 22.18 or newer, or give the built file.`,
  )
}

/** The module of tsx that has `register`, as an import finds it; a require would find another. */
function registerOf(description: string): string {
  const { exports } = JSON.parse(readFileSync(description, 'utf8')) as {
    readonly exports: { readonly './esm/api': { readonly import: { readonly default: string } } }
  }
  const file = path.join(path.dirname(description), exports['./esm/api'].import.default)
  return pathToFileURL(file).href
}
