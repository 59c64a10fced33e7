/**
 * The options of Node.js that a child has from its worker: all but those that mean one process, such
 * as an inspector's port, or the program that it runs. So loaders, conditions, permissions, source
 * maps, experimental features and the settings of V8 hold for jobs as for the worker.
 */

import { CHILD_CONDITION } from '../child-mark.ts'

/** Options with their values that mean this process, and not what it starts. */
const OWN =
  /^(-[epci]|-pe|--(inspect|debug-port|prof|cpu-prof|heap-prof|heapsnapshot|diagnostic-dir|trace-event|watch|test|experimental-test|eval|print|check|interactive|input-type|run|env-file|title|build-snapshot|snapshot-blob|experimental-sea)[a-z-]*)$/

/** What threads of this process refuse: it holds for a process as a whole. */
const refusedByThreads = new Set<string>()

/** @param env The environment of the child: what it lacks of `NODE_OPTIONS` is given as arguments. */
export function processNodeOptions(env: NodeJS.ProcessEnv): string[] {
  const inherited = env.NODE_OPTIONS === undefined ? splitOptions(process.env.NODE_OPTIONS) : []
  return [...withoutOwn([...inherited, ...process.execArgv]), CHILD_CONDITION]
}

export function threadNodeOptions(): string[] {
  return [...without(withoutOwn(process.execArgv), refusedByThreads), CHILD_CONDITION]
}

/** Notes what a thread was refused for; false when it was something else. */
export function isRefusedByThreads(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'ERR_WORKER_INVALID_EXEC_ARGV') return false
  const before = refusedByThreads.size
  const named = message.slice(message.indexOf(':') + 1).split(',')
  for (const option of named) refusedByThreads.add(nameOf(option.trim()))
  return refusedByThreads.size > before
}

/** What a child has in `NODE_OPTIONS`, of what this process has there. */
export function inheritedNodeOptions(text: string): string {
  const kept = withoutOwn(splitOptions(text))
  return kept.map((one) => (/[\s"\\]/.test(one) ? JSON.stringify(one) : one)).join(' ')
}

function withoutOwn(options: readonly string[]): string[] {
  return kept(options, (name) => !OWN.test(name))
}

function without(options: readonly string[], names: ReadonlySet<string>): string[] {
  return kept(options, (name) => !names.has(name))
}

/** An option that goes takes its value along, where that stands behind it. */
function kept(options: readonly string[], isKept: (name: string) => boolean): string[] {
  let isDropping = false
  return options.filter((option) => {
    if (!option.startsWith('-')) return !isDropping
    isDropping = !isKept(nameOf(option))
    return !isDropping
  })
}

function nameOf(option: string): string {
  return option.split('=', 1)[0]!
}

/** As Node.js reads `NODE_OPTIONS`: by spaces, with quotes around what holds some. */
function splitOptions(text = ''): string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? []
  return parts.map((part) =>
    part.replace(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replace(/\\(.)/g, '$1')),
  )
}
