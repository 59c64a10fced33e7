import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Option } from 'commander'
import { ConfigError } from '../../../index.ts'
import { type DevEvent, DevSession } from '../../dev/dev-session.ts'
import { devText } from '../../dev/dev-text.ts'
import { appUrl } from '../../program/app-option.ts'
import { type Call, command } from '../../program/command.ts'
import { Refused } from '../../program/ending.ts'
import { projectApp } from '../../program/project-app.ts'
import { loaderOptions } from '../../program/typescript.ts'
import { wholeNumber } from '../../program/values.ts'
import { styleOf } from '../../terminal/style.ts'

interface Given {
  readonly data?: string
  readonly port?: number
  readonly watch: boolean
}

const DATA = '.chancy/postgres'

export const dev = command<Given>({
  name: 'dev',
  summary: 'run a PostgreSQL and a worker that starts again when a module changes',
  details:
    'The worker gets the address of the server as DATABASE_URL, so the application has to read that. The application is that of --app, or the one of "chancy": { "app": "./src/app.ts" } in package.json. With --database no server is started. The first signal drains the worker, for 5 s at most, and the command exits with 0; the second ends it immediately.',
  isAlone: true,
  isPatient: true,
  interruptible: true,
  options: [
    new Option('--data <dir>', `where the server keeps its data (default: ${DATA})`),
    new Option('--port <number>', 'of 127.0.0.1 (default: the last one, or a free one)').argParser(
      wholeNumber(1, 65_535),
    ),
    new Option('--no-watch', 'leave the worker as it is when a module changes'),
  ],
  examples: [
    { text: 'In a project made by chancy init', command: 'chancy dev' },
    {
      text: 'On a server that runs already',
      command: 'chancy dev --database postgres://localhost/app',
    },
  ],
  async run(call, { data, port, watch }) {
    const { terminal } = call
    const { database } = call.global
    if (database !== undefined && (data ?? port) !== undefined) {
      throw new ConfigError(
        'dev: --data and --port are of the server that dev starts, and with --database it starts none. Leave out one of them.',
      )
    }
    if (data === '') throw new ConfigError('dev: --data takes the path of a folder.')
    const app = appOf(call)
    const url = appUrl(app)
    const session = new DevSession(
      {
        app,
        file: fileURLToPath(url),
        data: database === undefined ? path.resolve(data ?? DATA) : null,
        port,
        database: database ?? null,
        watch,
        execArgv: loaderOptions(url),
      },
      (event) => print(call, event),
    )
    if (database === undefined && terminal.env.DATABASE_URL) {
      call.note(
        'note: DATABASE_URL is not used, since dev starts a server of its own. To run on that one: chancy dev --database "$DATABASE_URL".',
      )
    }
    // The second Ctrl+C ends this process without waiting.
    const kill = (): void => session.kill()
    process.once('exit', kill)
    call.atEnd(() => process.off('exit', kill))
    if (!(await session.run(call.signal))) {
      throw new Refused('The worker has ended, and without a watch nothing starts it again.')
    }
    return undefined
  },
})

/** @throws {ConfigError} where there is none, or where it cannot be watched */
function appOf({ global, terminal }: Call): string {
  const app = global.app ?? (terminal.env.CHANCY_APP || projectApp())
  if (app === undefined) {
    throw new ConfigError(
      'dev: there is no application. Add --app ./src/app.ts, or "chancy": { "app": "./src/app.ts" } to package.json, or make a project: chancy init.',
    )
  }
  if (global.schema !== undefined) {
    throw new ConfigError('dev: the application says what its schema is. Leave out --schema.')
  }
  const url = appUrl(app)
  if (url.protocol !== 'file:' || !existsSync(url)) {
    throw new ConfigError(
      `dev: there is no file ${url.protocol === 'file:' ? fileURLToPath(url) : app}. --app takes the path of a module, from the working directory.`,
    )
  }
  return app
}

function print({ global, terminal }: Call, event: DevEvent): void {
  const { stdout } = terminal
  stdout.write(
    global.json === true ? `${JSON.stringify(event)}\n` : `${devText(event, styleOf(stdout))}\n`,
  )
}
