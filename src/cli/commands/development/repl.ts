import { once } from 'node:events'
import { homedir } from 'node:os'
import path from 'node:path'
import { type REPLServer, start } from 'node:repl'
import { inspect } from 'node:util'
import { VERSION } from '../../../core/version.ts'
import type { Chancy } from '../../../index.ts'
import { type Call, command } from '../../program/command.ts'
import { placeOf } from '../../program/server-place.ts'
import { evaluateLines } from '../../repl/evaluate-lines.ts'
import { jobFunctions } from '../../repl/job-functions.ts'
import { type PromptNames, promptNames } from '../../repl/prompt-names.ts'
import { printable } from '../../terminal/text-width.ts'

const HISTORY = '.chancy_repl_history'

export const repl = command({
  name: 'repl',
  summary: 'open a prompt with the application, its jobs by name, and await',
  details:
    'The history is kept in .chancy_repl_history of the home directory, or in the file of CHANCY_REPL_HISTORY; empty, none is kept. The lines of a pipe are evaluated in order, and the first error ends it with exit code 1. With --json values are printed as JSON.',
  interruptible: true,
  isPatient: true,
  async run(call) {
    const { terminal, global } = call
    const { stdin, stdout } = terminal
    const chancy = call.chancy()
    const isTerminal = stdin.isTTY === true && stdout.isTTY === true
    const functions = await functionsOf(chancy, call)
    const { values, jobs } = promptNames(chancy, functions, (name) => name in globalThis)
    const writer = global.json === true ? jsonOf : inspect
    if (!isTerminal) {
      const onValue = (value: unknown): void => void stdout.write(`${writer(value)}\n`)
      await Promise.race([evaluateLines(stdin, { values, onValue }), interrupted(call)])
      return undefined
    }
    stdout.write(`${await greeting(chancy, jobs)}\n`)
    const server = start({
      prompt: 'chancy> ',
      input: stdin,
      output: stdout,
      terminal: true,
      // Objects of another realm are no plain objects, and so no arguments of a job.
      useGlobal: true,
      ignoreUndefined: true,
      breakEvalOnSigint: true,
      ...(global.json === true ? { writer: jsonOf } : {}),
    })
    Object.assign(server.context, values)
    await keepHistory(server, call)
    call.signal.addEventListener('abort', () => server.close(), { once: true })
    await once(server, 'exit')
    if (call.signal.aborted) throw call.signal.reason
    return undefined
  },
})

function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

function interrupted({ signal }: Call): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Without the code of the jobs the rest of the prompt still works. */
async function functionsOf(chancy: Chancy, call: Call): ReturnType<typeof jobFunctions> {
  try {
    return await jobFunctions(chancy.internals.jobs)
  } catch (error) {
    call.note(`note: the jobs cannot be loaded: ${printable((error as Error).message)}`)
    return new Map()
  }
}

async function greeting(chancy: Chancy, jobs: PromptNames['jobs']): Promise<string> {
  const { driver, names } = chancy.internals.database
  const place = placeOf(await driver.address?.())
  const called = jobs.map(({ called }) => printable(called)).join(', ')
  return [
    `Chancy ${VERSION} on ${place}, schema ${names.plainSchema}. await works; Ctrl+D ends.`,
    `chancy, Job, Queue, rule${called === '' ? '' : `, and the jobs ${called}`}`,
  ].join('\n')
}

function keepHistory(server: REPLServer, call: Call): Promise<void> {
  const file = call.terminal.env.CHANCY_REPL_HISTORY ?? path.join(homedir(), HISTORY)
  if (file === '') return Promise.resolve()
  return new Promise((resolve) => {
    server.setupHistory(file, (error) => {
      if (error !== null) call.note(`note: the history is not kept: ${error.message}`)
      resolve()
    })
  })
}
