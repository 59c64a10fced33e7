import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { show } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'

const LOADING = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)(=|$)/
const SWITCHES =
  /^--(experimental-strip-types|experimental-transform-types|enable-source-maps|preserve-symlinks|no-warnings)$/

/** By it a child finds the face of this package that loads the core alone. */
const CHILD_CONDITION = '--conditions=chancy-child'

/** The options of Node that a child has: from this process what loads modules, and its condition. */
export function childNodeOptions(): string[] {
  return [...inherited(process.execArgv), CHILD_CONDITION]
}

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

function inherited(options: readonly string[]): string[] {
  const kept: string[] = []
  options.forEach((option, index) => {
    if (SWITCHES.test(option)) kept.push(option)
    const match = LOADING.exec(option)
    if (match === null) return
    kept.push(option)
    const value = options[index + 1]
    if (match[2] === '' && value !== undefined) kept.push(value)
  })
  return kept
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
    `jobs: ${show(wanted)} is TypeScript, which Node ${process.versions.node} does not load by itself in a child. Install tsx, use Node 22.18 or newer, or give the built file.`,
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
