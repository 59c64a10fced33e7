import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chancy } from 'chancy'
import { describe, expect, it } from 'vitest'
import { databaseUrl, ownerUrl, testSchema } from '../support/database.ts'
import { startProcess } from '../support/process.ts'

const schema = testSchema()
const script = new URL('../support/processes/loads.mjs', import.meta.url)
/** The texts of all functions and tables, which only a migrator needs. */
const ENGINE = '/dist/database/sql.generated.js'
/** What a producer imports, in one file; `scripts/check-producer.mjs` says what may be in it. */
const PRODUCER = '/dist/bundle/producer.js'

/**
 * What a producer does not load beside that file, though it has the class `Worker` and the default plugins: what claims and
 * runs, the loops of plugins, and what only a reader or the command line needs.
 */
const NOT_OF_A_PRODUCER = [
  /^worker\/(claiming|maintenance)\//,
  /^worker\/(executors|plugin-loops|saved-hooks|worker-parts)$/,
  /^executors\/(?!child-mark$|pool\/cpu-quota$)/,
  /^services\/(?!loop$)/,
  /^(cli|http|testing)\//,
  /^plugins\/(?!leadership\/|metrics\/|pruner\/)/,
  /^plugins\/metrics\/(gauges|levels|metrics-text|points|prometheus|queue-rates|roll-up|statements\/reading)$/,
  /^plugins\/pruner\/(?!pruner$)/,
  /^app\/(pino-logger|read\/explain)$/,
]
/** Each costs a file. It has 11. */
const MOST_MODULES = 30

interface Coverage {
  readonly result: readonly { readonly url: string }[]
}

/** The addresses of all that a process loads, its threads included, and the first value that it prints. */
async function loadedBy(task: string): Promise<{ urls: string[]; value: unknown }> {
  const folder = await mkdtemp(join(tmpdir(), 'chancy-loaded-'))
  try {
    await using child = startProcess(script, {
      args: [databaseUrl(schema), schema, task],
      env: { NODE_V8_COVERAGE: folder },
    })
    const value = task === 'migrate' ? null : await child.next()
    expect(await child.exited, child.output).toEqual({ code: 0, signal: null })
    const texts = (await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8'))
    const all = (await Promise.all(texts)).map((text) => JSON.parse(text) as Coverage)
    return { urls: all.flatMap(({ result }) => result.map(({ url }) => url)), value }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const has = (urls: readonly string[], path: string): boolean =>
  urls.some((url) => url.endsWith(path))

describe("the module of the engine's SQL", () => {
  it('is loaded by a process that migrates', async () => {
    const { urls } = await loadedBy('migrate')
    expect(has(urls, ENGINE)).toBe(true)
  })

  it('is not loaded by a producer that pushes and reads', async () => {
    await migrateSchema()
    const { urls, value } = await loadedBy('push')
    expect(value).toBe('pending')
    expect(has(urls, PRODUCER)).toBe(true)
    expect(has(urls, ENGINE)).toBe(false)
  })

  it('is not loaded by a worker on a schema that is there', async () => {
    await migrateSchema()
    const { urls, value } = await loadedBy('work')
    expect(value).toBe('succeeded')
    expect(has(urls, PRODUCER)).toBe(true)
    expect(has(urls, ENGINE)).toBe(false)
  })
})

describe('A producer', () => {
  it('loads no logger and nothing that runs jobs', async () => {
    await migrateSchema()
    const { urls } = await loadedBy('push')
    const packages = urls.flatMap((url) => /\/node_modules\/([^/]+)/.exec(url)?.[1] ?? [])
    // What pg needs, and no package besides.
    expect(packages.filter((name) => !/^(pg|pgpass|postgres-|split2|xtend)/.test(name))).toEqual([])
    const own = urls.flatMap((url) => /\/dist\/(.*)\.js$/.exec(url)?.[1] ?? [])
    expect(own.filter((file) => NOT_OF_A_PRODUCER.some((one) => one.test(file)))).toEqual([])
    expect(new Set(own).size).toBeLessThan(MOST_MODULES)
    expect(own).toContain('bundle/producer')
  })
})

async function migrateSchema(): Promise<void> {
  await using chancy = new Chancy(ownerUrl(schema), { schema, notifications: false })
  await chancy.migrate()
}
