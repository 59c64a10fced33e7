import { type Driver, Job, type Plugin } from 'chancy'
import {
  type PassContext,
  type PluginAccess,
  type PluginLoop,
  pluginAccess,
  pluginsOf,
} from 'chancy/plugin'
import { cron } from 'chancy/plugins/cron'
import pg from 'pg'
import { startApp, type TestApp } from './app.ts'
import { databaseUrl } from './database.ts'
import { emptyingText } from './emptying.ts'

export interface PassOptions {
  /** Default: true. */
  readonly isLeader?: boolean
  /** Default: the loop that fires. */
  readonly loop?: string
  /** Default: the one of the fixture. */
  readonly app?: TestApp
}

export interface PushedJob {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly key: string
  readonly tick: string | null
  readonly args: unknown
}

interface FixtureOptions {
  readonly plugins?: readonly Plugin[]
  readonly url?: Driver
}

/**
 * Schedules in a database whose time the test moves, and the passes of their loops, which it makes itself: nothing
 * happens in between.
 */
export class ScheduleFixture implements AsyncDisposable {
  readonly app: TestApp
  readonly schema: string

  readonly #client: pg.Client

  private constructor(app: TestApp, schema: string, client: pg.Client) {
    this.app = app
    this.schema = schema
    this.#client = client
  }

  static async open(
    schema: string,
    { plugins = [cron()], url }: FixtureOptions = {},
  ): Promise<ScheduleFixture> {
    const app = await startApp({ schema, plugins, ...(url === undefined ? {} : { url }) })
    const client = new pg.Client({ connectionString: databaseUrl(schema) })
    await client.connect()
    const fixture = new ScheduleFixture(app, schema, client)
    await fixture.sql('CREATE TABLE IF NOT EXISTS $schema.test_time (at timestamptz NOT NULL)')
    for (const name of ['now_1', 'clock_1']) {
      await fixture.sql(
        `CREATE OR REPLACE FUNCTION $schema.${name}() RETURNS timestamptz LANGUAGE sql VOLATILE
         AS $$ SELECT at FROM ${schema}.test_time $$`,
      )
    }
    // The worker makes partitions for the days around its own.
    await fixture.sql(
      'CREATE TABLE IF NOT EXISTS $schema.finished_any PARTITION OF $schema.finished_jobs DEFAULT',
    )
    await fixture.reset()
    return fixture
  }

  /** Without schedules and jobs, at midnight. */
  async reset(): Promise<void> {
    this.app.lines.length = 0
    const tables = ['test_time', 'cron_schedules', 'cron_ticks', 'concurrency_groups']
    await this.sql(emptyingText(this.schema, ['jobs', 'finished_jobs', ...tables]))
    await this.sql("INSERT INTO $schema.test_time VALUES ('2026-01-01T00:00:00Z')")
  }

  /** Moves the time of the database: to `'2026-01-01T00:10:00Z'`, or to a time of that day. */
  async at(instant: string): Promise<void> {
    const whole = instant.includes('T') ? instant : `2026-01-01T${instant}Z`
    await this.sql(`UPDATE $schema.test_time SET at = '${whole}'`)
  }

  /** One pass. Returns what it returns: how long it would wait, in milliseconds. */
  pass({ isLeader = true, loop = 'fire', app = this.app }: PassOptions = {}): Promise<number> {
    const own = pluginsOf(app.chancy).find(({ name }) => name === 'chancy.cron')
    const found = own?.loops?.find(({ name }) => name === loop) as PluginLoop
    return found.pass(this.#context(app, isLeader)) as Promise<number>
  }

  access(): PluginAccess {
    return pluginAccess(this.app.chancy, 'chancy.cron')
  }

  #context({ chancy }: TestApp, isLeader: boolean): PassContext {
    const { signal } = new AbortController()
    const access = pluginAccess(chancy, 'chancy.cron')
    return {
      ...access,
      ...{ workerId: crypto.randomUUID(), version: null, signal, isLeader, isWoken: false },
    }
  }

  /** Calls the cleanup of the plugin, and returns how many rows it has removed. */
  async cleanup(limit: number): Promise<number> {
    const own = pluginsOf(this.app.chancy).find(({ name }) => name === 'chancy.cron')
    return (await own?.cleanup?.(this.#context(this.app, true), limit)) ?? 0
  }

  /** The jobs that were pushed, in their order. */
  jobs(): Promise<PushedJob[]> {
    return this.sql(
      `SELECT id, name, state, args, meta->'cron'->>'key' AS key, meta->'cron'->>'tick' AS tick
         FROM $schema.all_jobs ORDER BY id`,
    ) as Promise<unknown> as Promise<PushedJob[]>
  }

  /** The times of day of the ticks whose jobs were pushed. */
  async ticks(key: string): Promise<string[]> {
    const jobs = await this.jobs()
    return jobs.filter((job) => job.key === key).map(({ tick }) => tick?.slice(11, 19) ?? 'manual')
  }

  /** One statement, with `$schema` for the name of the schema. */
  async sql(text: string): Promise<Record<string, unknown>[]> {
    return (await this.#client.query(text.replaceAll('$schema', this.schema))).rows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]()
    await this.#client.end()
  }
}

export const work = Job.named('work', { args: {} })
