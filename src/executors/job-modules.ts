/**
 * Loads what a worker may run: the job functions that the given modules export, by name. A row can
 * name only what is found here; nothing that is stored is ever imported.
 */

import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { inspect } from '../core/check.ts'
import { callAfter, systemClock } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { ConfigError } from '../core/errors.ts'
import { isDefinedJob, isJobFunction } from '../core/job.ts'
import { definitionOf } from '../core/job-function.ts'
import type { JobSource } from '../core/job-source.ts'
import { glob, isGlob } from './glob.ts'

interface Found {
  readonly definition: JobDefinition
  /** Where it was found, for messages. */
  readonly source: string
}

export interface LoadListener {
  /** Is called before each module. */
  readonly onLoading?: (url: string) => void
  /** Is called once for each module that takes long. */
  readonly onSlow?: (url: string) => void
}

/** After this long a module is slow, in milliseconds. */
export const SLOW_MODULE_MS = 5_000
export const SLOW_MODULE =
  'a module of the "jobs" option has not finished loading: look at its top level, and at what it imports, for a loop or an await that does not end'

/**
 * The definitions of all job functions of the sources, by name.
 *
 * @throws {ConfigError} when a module cannot be loaded or has no job function, when a glob matches
 *   nothing, and when two functions have one name
 */
export async function loadJobs(
  sources: JobSource | readonly JobSource[],
  listener: LoadListener = {},
): Promise<Map<string, JobDefinition>> {
  const known = new Map<string, Found>()
  for (const source of Array.isArray(sources) ? sources : [sources]) {
    if (isJobFunction(source)) {
      add(known, { definition: definitionOf(source), source: 'the "jobs" option' })
      continue
    }
    for (const url of await urlsOf(source)) {
      for (const found of await loadModule(url, listener)) add(known, found)
    }
  }
  return new Map([...known].map(([name, { definition }]) => [name, definition]))
}

/** The modules of these sources, one by one. @throws {ConfigError} when a glob matches nothing */
export async function moduleUrls(sources: readonly string[]): Promise<string[]> {
  return (await Promise.all(sources.map(urlsOf))).flat()
}

/** A source that means the same after a change of the working directory: a path is made absolute. */
export function placedSource<Source>(source: Source): Source | string {
  return typeof source !== 'string' || isUrl(source) ? source : path.resolve(source)
}

const isUrl = (text: string): boolean => /^[a-z]{2,}:/i.test(text)

function add(known: Map<string, Found>, found: Found): void {
  const { name } = found.definition
  const other = known.get(name)
  // One function may be reached twice: by two exports, or through an index.
  if (other !== undefined && other.definition !== found.definition) {
    const where =
      other.source === found.source
        ? `twice in ${found.source}`
        : `in ${other.source} and in ${found.source}`
    throw new ConfigError(`Two job functions are named "${name}": ${where}. Rename one of them.`, {
      details: { name, places: [other.source, found.source] },
    })
  }
  if (other === undefined) known.set(name, found)
}

async function urlsOf(source: unknown): Promise<string[]> {
  if (typeof source !== 'string' && !(source instanceof URL)) {
    const hint = typeof source === 'function' ? ' Make it a job first: job({ name: … }, fn).' : ''
    throw new ConfigError(
      `jobs: expected a URL, a path, a glob or a job function, got ${inspect(source)}.${hint}`,
    )
  }
  const text = String(source)
  if (isUrl(text) && !text.startsWith('file:')) return [text]
  const file = text.startsWith('file:') ? fileURLToPath(text) : path.resolve(text)
  if (!isGlob(file) || existsSync(file)) {
    // A URL is kept with its query, which distinguishes two versions of a module.
    return [text.startsWith('file:') ? text : pathToFileURL(file).href]
  }

  const files = (await glob(file)).filter((name) => !/\.d\.[cm]?ts$/.test(name))
  if (files.length > 0) return files.map((name) => pathToFileURL(name).href)
  throw new ConfigError(`jobs: expected "${text}" to match at least one file, got none.`, {
    details: { pattern: file },
  })
}

async function loadModule(url: string, listener: LoadListener): Promise<Found[]> {
  listener.onLoading?.(url)
  const report = (): void => listener.onSlow?.(url)
  const cancel = callAfter(systemClock, SLOW_MODULE_MS, report, 'lets-process-end')
  const exported = await importModule(url).finally(cancel)
  const all = [...exportsOf(exported)]
  const found = all
    .filter(([, value]) => isJobFunction(value))
    .map(([name, value]) => ({ definition: definitionOf(value), source: `${url} (${name})` }))
  if (found.length > 0) return found
  const hint = all.some(([, value]) => isDefinedJob(value))
    ? ' A definition needs a function: export const name = job(defined, fn), in a module for workers.'
    : ''
  throw new ConfigError(
    `jobs: expected ${url} to export a function made by job(), got ${inspect(all.map(([name]) => name).join(', '))}.${hint}`,
  )
}

/** The default exports that may lie in each other: a CommonJS module that was an ES module before. */
const MAX_DEFAULTS = 3

/**
 * What a module exports, and what its default export holds: `export default { … }`, and
 * `module.exports` of a CommonJS module, whose names Node.js sees only where they are written out.
 */
function* exportsOf(exported: object, prefix = '', depth = 0): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(exported)) {
    yield [prefix + name, value]
    const isHolder = typeof value === 'object' && value !== null && depth < MAX_DEFAULTS
    if (name === 'default' && isHolder) yield* exportsOf(value, `${prefix}default.`, depth + 1)
  }
}

async function importModule(url: string): Promise<Record<string, unknown>> {
  const abandoned = new Abandoned(url)
  try {
    return (await Promise.race([import(url), abandoned.error])) as Record<string, unknown>
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(
      `jobs: ${url} could not be loaded: ${inspect(cause)}.${hintFor(cause, url)}`,
      {
        cause,
      },
    )
  } finally {
    abandoned.end()
  }
}

function hintFor(cause: unknown, url: string): string {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return ' This Node does not load TypeScript: build it, start with "node --import tsx", or use Node 22.18 or newer.'
  if (code === 'ERR_MODULE_NOT_FOUND' && url.startsWith('file:') && !existsSync(new URL(url)))
    return ' There is no such file. A bundler does not see it in this option: make it an entry of its own.'
  return ''
}

/** Without this, a process whose module waits for nothing would end without an error. */
class Abandoned {
  readonly error: Promise<never>
  #reject: () => void = () => {}

  constructor(url: string) {
    this.error = new Promise((_, reject) => {
      this.#reject = () => {
        const why = `jobs: ${url} never finishes loading: nothing is left to do in this process, and an await at its top level, or in what it imports, still waits. Move the await into the job that needs it.`
        reject(new ConfigError(why, { details: { url } }))
      }
    })
    process.once('beforeExit', this.#reject)
  }

  end(): void {
    process.off('beforeExit', this.#reject)
  }
}
