import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../../index.ts'
import { command } from '../../program/command.ts'
import type { EndingSignal } from '../../program/ending.ts'

/** `examples/demo`, compiled by `scripts/build.mjs`. */
const DEMO = fileURLToPath(new URL('../../../demo/main.js', import.meta.url))

export const demo = command<{ readonly directory?: string }>({
  name: 'demo [directory]',
  summary: 'read every file of a directory in a job of its own, and check what was stored',
  details:
    'It runs on an embedded PostgreSQL, which is removed at the end, or with --database or DATABASE_URL on that server, in a schema of its own. Without a directory it reads the files of this package.',
  isAlone: true,
  interruptible: true,
  async run({ global, signal, terminal }, { directory }) {
    for (const option of ['app', 'schema', 'json'] as const) {
      if (global[option] === undefined || global[option] === false) continue
      throw new ConfigError(`demo: it has an application of its own. Leave out --${option}.`)
    }
    const { database } = global
    const child = spawn(
      process.execPath,
      [DEMO, ...(directory === undefined ? [] : [path.resolve(directory)])],
      {
        stdio: 'inherit',
        env: { ...terminal.env, ...(database === undefined ? {} : { DATABASE_URL: database }) },
      },
    )
    // From a terminal it has the signal already, and takes this one for the same.
    const stop = (): void => void child.kill(signalOf(signal.reason))
    signal.addEventListener('abort', stop, { once: true })
    const kill = (): void => void child.kill('SIGKILL')
    process.once('exit', kill)
    const [code] = (await once(child, 'exit')) as [number | null]
    process.off('exit', kill)
    if (signal.aborted) throw signal.reason
    return { value: null, shown: null, isNo: code !== 0 }
  },
})

function signalOf(reason: unknown): EndingSignal {
  return /SIGTERM/.test(String(reason)) ? 'SIGTERM' : 'SIGINT'
}
