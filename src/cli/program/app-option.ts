import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Chancy, ConfigError } from '../../index.ts'
import { registerTypeScript } from './typescript.ts'

const SYMBOL =
  '--app ./app.ts for its default export or its only Chancy, or --app ./app.ts#name for another export'

/**
 * The application that a module exports: by default or, without a default export, the only one.
 *
 * @param given a path or a URL, with `#name` behind it for another export
 * @throws {ConfigError} when the module or the export is not there, or is no Chancy
 */
export async function loadApp(given: string): Promise<Chancy> {
  const [file = '', named] = split(given)
  if (file === '') throw new ConfigError(`--app takes a module: ${SYMBOL}.`)
  const url = urlOf(file)
  const exported = await load(url, file)
  const name = named ?? onlyApp(exported) ?? 'default'
  const value = exported[name] ?? (exported.default as Record<string, unknown> | undefined)?.[name]
  if (value instanceof Chancy) return value
  if (value === undefined) {
    // A loader of TypeScript may not keep the alphabetical order of a module.
    const there = Object.keys(exported).sort()
    throw new ConfigError(
      `--app: ${file} has no ${name === 'default' ? 'default export' : `export "${name}"`}. ${
        there.length === 0 ? 'It exports nothing' : `It exports ${there.join(', ')}`
      }. Write ${SYMBOL}.`,
    )
  }
  throw new ConfigError(
    `--app: the export "${name}" of ${file} is no Chancy but ${kindOf(value)}. Export what new Chancy(…) makes.`,
  )
}

/** The name of the only application that a module without a default export exports. */
function onlyApp(exported: Readonly<Record<string, unknown>>): string | null {
  if (exported.default !== undefined) return null
  const [only, ...others] = Object.keys(exported).filter((name) => exported[name] instanceof Chancy)
  return only === undefined || others.length > 0 ? null : only
}

/** A `#` in front of the last slash belongs to the path. */
function split(given: string): string[] {
  const at = given.lastIndexOf('#')
  if (at < 0 || /[/\\]/.test(given.slice(at))) return [given]
  return at === given.length - 1 ? [given.slice(0, at)] : [given.slice(0, at), given.slice(at + 1)]
}

/** Where the module of `--app` is. */
export function appUrl(given: string): URL {
  return urlOf(split(given)[0] ?? '')
}

function urlOf(file: string): URL {
  return /^[a-z]{2,}:/i.test(file) ? new URL(file) : pathToFileURL(path.resolve(file))
}

async function load(url: URL, file: string): Promise<Record<string, unknown>> {
  if (url.protocol === 'file:' && !existsSync(url)) {
    throw new ConfigError(
      `--app: there is no file ${fileURLToPath(url)}. The path is taken from the working directory.`,
    )
  }
  await registerTypeScript(url)
  try {
    return (await import(url.href)) as Record<string, unknown>
  } catch (cause) {
    const { message, stack } = cause as Error
    throw new ConfigError(`--app: ${file} could not be loaded: ${message}`, {
      details: { stack },
      cause,
    })
  }
}

function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return `an object of the class ${value.constructor?.name ?? 'Object'}`
}
