import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Option } from 'commander'
import type { Chancy } from '../../../index.ts'
import { type Call, command } from '../../program/command.ts'
import { Failure } from '../../program/ending.ts'
import { optionalPlugins } from '../../program/own-plugins.ts'
import { wholeNumber } from '../../program/values.ts'

interface Given {
  readonly host?: string
  readonly port?: number
  readonly open?: boolean
  readonly token?: string | true
  readonly readOnly?: boolean
}

export const dashboard = command<Given>({
  name: 'dashboard',
  summary: 'serve the dashboard and the HTTP API until SIGTERM or Ctrl+C',
  details:
    'Without --token every user of this machine is let in as admin, and no other machine is; another host needs --token. An application serves it by createHandler() of chancy/http, with an access function of its own.',
  options: [
    new Option('--host <address>', 'where to listen; default: 127.0.0.1'),
    new Option('--port <number>', 'default: 8000; 0: any free one').argParser(
      wholeNumber(0, 65_535),
    ),
    new Option('--open', 'open it in the browser'),
    new Option('--token [token]', 'let in only who has this token; without one, it is made'),
    new Option('--read-only', 'serve nothing that changes something'),
  ],
  examples: [
    {
      text: 'Look at the jobs of an application',
      command: 'chancy --app ./app.ts dashboard --open',
    },
    { text: 'Keep out the other users of this machine', command: 'chancy dashboard --token' },
  ],
  interruptible: true,
  isPatient: true,
  async run(call, { host, port, open = false, token: given, readOnly = false }) {
    // Other commands do not load a server.
    const { createHandler } = await import('../../../http/index.ts')
    const { bearer, serve } = await import('../../../http/node/index.ts')
    const chancy = call.app ?? (await withPlugins(call))
    const token = given === true ? randomBytes(24).toString('base64url') : given
    const handler = createHandler(chancy, {
      readOnly,
      ...(token !== undefined && { access: bearer({ [token]: 'admin' }) }),
    })
    const server = await serve(handler, {
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
    }).catch((error: unknown) => {
      throw new Failure(error)
    })
    const url = token === undefined ? server.url : `${server.url}?token=${token}`
    call.terminal.stdout.write(`The dashboard is at ${url}\n`)
    if (open) openInBrowser(call, url)
    await ended(call.signal)
    await server.close()
    return undefined
  },
})

/** Without an application the plugins are there whose tables are. */
async function withPlugins(call: Call): Promise<Chancy> {
  const versions = await call.chancy(optionalPlugins()).getSchemaVersions()
  const there = new Set(versions.filter(({ have }) => have > 0).map(({ line }) => line))
  return call.chancy(optionalPlugins().filter(({ name }) => there.has(name)))
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

/** A machine without a browser says so, and the server stays. */
function openInBrowser(call: Call, url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', () => call.note(`${program} could not be started: open the address yourself.`))
  child.unref()
}
