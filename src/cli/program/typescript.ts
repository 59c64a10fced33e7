import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '../../index.ts'

/** What of tsx is loaded: into this process, or by `node --import` into another one. */
type Entry = './esm/api' | '.'

/**
 * Makes this process load TypeScript, where a module needs it: by tsx where that is installed, since it also finds
 * `jobs.ts` where `./jobs.js` is imported, else by Node.
 *
 * @throws {ConfigError} when neither can
 */
export async function registerTypeScript(url: URL): Promise<void> {
  if (!isTypeScript(url) || isTsx(process.execArgv)) return
  const module = tsx(url, './esm/api')
  if (module === null) return
  const { register } = (await import(module)) as { readonly register: () => void }
  register()
}

/**
 * The options of Node for a process that loads this module.
 *
 * @throws {ConfigError} when it is TypeScript, and neither tsx nor Node loads it
 */
export function loaderOptions(url: URL): string[] {
  const own = process.execArgv
  const module = isTypeScript(url) && !isTsx(own) ? tsx(url, '.') : null
  return module === null ? [...own] : [...own, '--import', module]
}

function isTypeScript(url: URL): boolean {
  return /\.[cm]?tsx?$/.test(url.pathname)
}

function isTsx(options: readonly string[]): boolean {
  return options.some((arg) => arg.includes('tsx'))
}

/** The module of tsx, or null where Node does without. @throws {ConfigError} where it does not */
function tsx(url: URL, entry: Entry): string | null {
  for (const from of [url, path.join(process.cwd(), 'package.json')]) {
    const module = tsxFrom(from, entry)
    if (module !== null) return module
  }
  const { typescript } = process.features as { readonly typescript?: unknown }
  if (typescript) return null
  throw new ConfigError(
    `--app: Node ${process.versions.node} does not load TypeScript by itself. Install tsx beside the application, use Node 22.18 or newer, or give the built file.`,
  )
}

function tsxFrom(from: URL | string, entry: Entry): string | null {
  try {
    const require = createRequire(from)
    const description = require.resolve('tsx/package.json')
    const { exports } = require(description) as {
      readonly exports: {
        readonly '.': string
        readonly './esm/api': { readonly import: { readonly default: string } }
      }
    }
    const file = entry === '.' ? exports['.'] : exports[entry].import.default
    return pathToFileURL(path.join(path.dirname(description), file)).href
  } catch {
    return null
  }
}
