import { Chancy, type Plugin, Worker } from '../index.ts'
import { pluginAccess, pluginsOf } from '../plugin/index.ts'
import { AttemptTally, type Drained } from './attempt-tally.ts'
import { Fakes } from './fakes.ts'
import { FiredTicks } from './fired-ticks.ts'
import { removeOldSchemas } from './old-schemas.ts'
import { KIT, newSchemaName, OwnSchema } from './own-schema.ts'
import { PGliteTemplate } from './pglite-template.ts'
import { PluginPasses, withoutPasses } from './plugin-passes.ts'
import { PushedJobs } from './pushed-jobs.ts'
import { schemaDigest } from './schema-digest.ts'
import { PREFIX } from './schema-statements.ts'
import { takeSpare } from './spare-schema.ts'
import { findStranded, type Names, type StrandedRow } from './statements.ts'
import { StillClock } from './still-clock.ts'
import { type TestDatabase, testDatabase } from './test-database.ts'
import { TestLog } from './test-log.ts'
import type { TestSettings } from './test-options.ts'
import { Timeline } from './timeline.ts'

/** The schema of a PGlite, which is no other test's. */
const PGLITE_SCHEMA = `${PREFIX}pglite`

/** The parts of an application under test. */
export interface TestApp {
  readonly chancy: Chancy
  readonly schema: OwnSchema
  readonly clock: StillClock
  readonly pushed: PushedJobs
  readonly fakes: Fakes
  readonly fired: FiredTicks
  /** Lets the worker run for as long as `work` takes, and counts what it does. */
  run(work: (timeline: Timeline) => Promise<void>): Promise<Drained>
  reset(): Promise<void>
  close(): Promise<void>
}

/** Makes the schema, and a worker on it that is paused. What was made is removed when it fails. */
export async function startTestApp(settings: TestSettings): Promise<TestApp> {
  const { nowMs } = settings
  const fakes = new Fakes()
  const plugins = allPlugins(settings, fakes.plugin())
  const template = settings.database === undefined ? await templateOf(plugins) : null
  const database = await testDatabase(
    settings.database,
    async () => (await template?.load()) ?? null,
  )
  const clock = new StillClock(nowMs)
  const log = new TestLog(settings.logger)
  const driver = database.driver()
  const digest = database.pglite === null ? await digestOf(plugins) : null
  // A database that is away is reported by the attempt to make one.
  const spare = digest === null ? null : await takeSpare(driver, digest).catch(() => null)
  const name = spare?.name ?? (database.pglite === null ? newSchemaName() : PGLITE_SCHEMA)
  const chancy = new Chancy(driver, {
    schema: name,
    jobs: settings.jobs,
    plugins: plugins.map(withoutPasses),
    defaultPlugins: false,
    // Whatever is to be noticed is in this process, or is read by `drain`.
    notifications: false,
    clock,
    logger: log.logger,
  })
  const schema = new OwnSchema(name, chancy, { digest, spare })
  const worker = new Worker(chancy, {
    label: KIT,
    executor: settings.executor,
    signals: false,
    // Real time passes while a test is debugged.
    lease: '1d',
    shutdownTimeout: '1s',
  })
  const tally = new AttemptTally(chancy)
  const passes = new PluginPasses(chancy, worker, plugins)
  const timeline = new Timeline({
    chancy,
    worker,
    schema,
    clock,
    passes,
    tally,
    patienceMs: settings.patienceMs,
  })
  const ended = { chancy, worker, schema, clock, passes, tally, database }
  clock.passes.run()
  try {
    if (spare !== null) await schema.adopt(nowMs)
    else await prepare(schema, database, template, nowMs)
    await worker.pause()
    await worker.start()
  } catch (error) {
    await end(ended, false).catch(() => {})
    throw error
  }
  clock.passes.hold()
  const pushed = new PushedJobs(chancy, schema)
  const fired = new FiredTicks(chancy)
  const run: TestApp['run'] = async (work) => {
    tally.begin()
    clock.passes.run()
    worker.resume()
    try {
      await work(timeline)
    } finally {
      await worker.pause()
      clock.passes.hold()
    }
    return { ...tally.counts(), notes: await notesOf(schema, log) }
  }
  return {
    ...{ chancy, schema, clock, pushed, fakes, fired, run },
    reset: async () => {
      fakes.clear()
      if (tally.running.length > 0) {
        await run(async () => {
          for (const { id } of tally.running) await chancy.cancel(id)
          await timeline.drain()
        })
      }
      await timeline.restart(nowMs)
      fired.clear()
    },
    close: () => end(ended, settings.keep),
  }
}

/** The default plugins and those of the test, in their order, and the kit's own. */
function allPlugins({ plugins, defaultPlugins }: TestSettings, own: Plugin): readonly Plugin[] {
  return [...pluginsOf(new Chancy(NOWHERE, { plugins, defaultPlugins })), own]
}

/** A Chancy connects when it is used first, and these are not. */
const NOWHERE = 'postgresql://nowhere'

async function templateOf(plugins: readonly Plugin[]): Promise<PGliteTemplate | null> {
  if (process.env.CHANCY_TEST_URL) return null
  return PGliteTemplate.of(namesFor(plugins), plugins)
}

/** Null where the files of the engine cannot be read: then each test makes its schema. */
const digestOf = (plugins: readonly Plugin[]): Promise<string | null> =>
  schemaDigest(namesFor(plugins), plugins).catch(() => null)

function namesFor(plugins: readonly Plugin[]): Names {
  const nowhere = new Chancy(NOWHERE, { schema: PGLITE_SCHEMA, plugins, defaultPlugins: false })
  return pluginAccess(nowhere, KIT).database.names
}

async function prepare(
  schema: OwnSchema,
  { pglite }: TestDatabase,
  template: PGliteTemplate | null,
  nowMs: number,
): Promise<void> {
  if (pglite !== null && (await schema.exists())) return schema.adopt(nowMs)
  await schema.make(nowMs)
  if (pglite !== null) await template?.save(pglite)
}

interface Ended {
  readonly chancy: Chancy
  readonly worker: Worker
  readonly schema: OwnSchema
  readonly clock: StillClock
  readonly passes: PluginPasses
  readonly tally: AttemptTally
  readonly database: TestDatabase
}

async function end(
  { chancy, worker, schema, clock, passes, tally, database }: Ended,
  keep: boolean,
): Promise<void> {
  clock.passes.run()
  clock.limits.end()
  passes.end()
  await worker.stop()
  tally.end()
  clock.passes.hold()
  try {
    if (keep) await schema.keep(database.pglite)
    else if (database.pglite === null) {
      await schema.end()
      await removeOldSchemas(schema.driver).catch(() => {})
    }
  } finally {
    await chancy.close()
    await database.pglite?.close()
  }
}

async function notesOf(schema: OwnSchema, log: TestLog): Promise<readonly string[]> {
  const stranded = await schema.query<StrandedRow>(findStranded(schema.names))
  const unlimited = log.takeUnlimited()
  return [
    ...stranded.map(({ queue, name, jobs, is_declared }) => {
      const why = is_declared
        ? 'no function of that name is among the jobs of testChancy()'
        : `the queue "${queue}" is not declared`
      return `${jobs === 1 ? '1 job waits' : `${jobs} jobs wait`} that cannot run: "${name}", since ${why}`
    }),
    ...unlimited.map(
      (name) =>
        `the memory limit of "${name}" is not enforced inline: testChancy({ executor: 'process' })`,
    ),
  ]
}
