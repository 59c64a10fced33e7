import { Chancy, ConfigError, type Plugin } from '../../index.ts'
import type { GlobalOptions } from './global-options.ts'
import { valueGiven } from './global-options.ts'
import { projectApp } from './project-app.ts'

/** How long a command without an application waits for a database that is away. */
const PATIENCE = '5s'

/** The answers and the errors of a command say what a log would. */
const silent = (): void => {}
const quietLogger = { debug: silent, info: silent, warn: silent, error: silent }

/** What the commands work on: the application of `--app`, or one made for `--database`. */
export class Application {
  /** What `--app` names, or null. */
  readonly given: Chancy | null
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #opened: Chancy[] = []

  constructor(given: Chancy | null, env: Readonly<Record<string, string | undefined>>) {
    this.given = given
    this.#env = env
    if (given !== null) this.#opened.push(given)
  }

  /** @throws {ConfigError} when no database was given, or one beside an application */
  open(
    { database, schema }: GlobalOptions,
    {
      plugins = [],
      isPatient = false,
    }: { readonly plugins?: readonly Plugin[]; readonly isPatient?: boolean } = {},
  ): Chancy {
    if (this.given !== null) {
      if (schema === undefined && database === undefined) return this.given
      throw new ConfigError(
        'With --app the application says where its database and its schema are. Leave out --database and --schema.',
      )
    }
    const dsn = database ?? this.#env.DATABASE_URL
    if (dsn === undefined || dsn === '') {
      throw new ConfigError(
        'No database was given. Add --app ./app.ts, or --database postgres://user:password@host:5432/database, or set CHANCY_APP or DATABASE_URL.',
      )
    }
    const chancy = new Chancy(dsn, {
      plugins,
      logger: quietLogger,
      ...(schema === undefined ? {} : { schema }),
      ...(isPatient ? {} : { pushDeadline: PATIENCE }),
    })
    this.#opened.push(chancy)
    return chancy
  }

  async close(): Promise<void> {
    for (const chancy of this.#opened) await chancy.close()
  }
}

/** `--app`, or else CHANCY_APP or that of `package.json`, unless the command line names a database or a schema. */
export function appGiven(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const given = valueGiven(args, '--app')
  if (given !== undefined) return given
  if (valueGiven(args, '--database') !== undefined) return undefined
  if (env.CHANCY_APP) return env.CHANCY_APP
  return valueGiven(args, '--schema') === undefined ? projectApp() : undefined
}

/** Whether a DSN of the command line has a password in it. */
export function hasPassword(dsn: string): boolean {
  return /^[a-z]+:\/\/[^/?#@]*:[^/?#@]+@/i.test(dsn) || /(^|[\s?&])password\s*=/i.test(dsn)
}
