import { accessSync, constants, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LaunchOptions } from '../child.ts'
import { foundFile } from '../own-files.ts'
import { processNodeOptions } from './node-options.ts'

const MIB = 1_024 ** 2
/**
 * What counts against the limit of data and is never touched: above all the stacks of Node's
 * threads. An idle child has 95 MiB of it and 52 MiB resident.
 */
const UNTOUCHED_BYTES = 48 * MIB
/** The kernel refuses memory a little above the limit, where its measurement does not come in time. */
const HARD_FACTOR = 1.1

/** A program that starts another one with a hard limit of its data. */
interface Limiter {
  readonly file: string
  args(bytes: number, command: readonly string[]): string[]
}

const SHELL: Limiter = {
  file: '/bin/sh',
  args: (bytes, command) => {
    const script = `ulimit -d ${Math.ceil(bytes / 1_024)} 2>/dev/null; exec "$0" "$@"`
    return ['-c', script, ...command]
  },
}

function prlimit(file: string): Limiter {
  return { file, args: (bytes, command) => [`--data=${bytes}`, '--', ...command] }
}

let limiters: Limiter[] | null = null

export interface ChildCommand {
  readonly file: string
  readonly args: readonly string[]
  /** The kernel does not enforce its limit: no program on this system can set it. */
  readonly isSoft: boolean
  /** It could not be started: another way is taken from now on, if there is one. */
  failed(): void
}

/** How a child process with this environment is started, with its limit of memory. */
export function commandFor(
  { memoryBytes, env: _, ...config }: LaunchOptions,
  env: NodeJS.ProcessEnv,
): ChildCommand {
  const entry = fileURLToPath(foundFile('executors/child/process'))
  const heap =
    memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.floor(memoryBytes / MIB)}`]
  const args = [...processNodeOptions(env), ...heap, entry, JSON.stringify(config)]
  const plain = { file: process.execPath, args, failed: () => {} }
  if (memoryBytes === undefined || process.platform !== 'linux') return { ...plain, isSoft: false }

  const bytes = Math.ceil(memoryBytes * HARD_FACTOR + UNTOUCHED_BYTES)
  // A limit that is lower already cannot be raised, and does as well.
  if (presentLimit() <= bytes) return { ...plain, isSoft: false }
  limiters ??= [SHELL, ...onPath('prlimit').map(prlimit)].filter(({ file }) => isExecutable(file))
  const limiter = limiters[0]
  if (limiter === undefined) return { ...plain, isSoft: true }
  return {
    file: limiter.file,
    args: limiter.args(bytes, [process.execPath, ...args]),
    isSoft: false,
    failed: () => {
      limiters = limiters?.filter((one) => one !== limiter) ?? null
    },
  }
}

/** The limit of data of this process, which its children inherit. */
function presentLimit(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'latin1')
    const hard = /^Max data size\s+\S+\s+(\d+)/m.exec(text)?.[1]
    return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function onPath(name: string): string[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute)
  return folders.map((folder) => path.join(folder, name))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
