import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The most file descriptors it may have open. */
  readonly descriptors?: number
  /** Runs it as another user; needs root. */
  readonly uid?: number
  readonly gid?: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** How long to wait for a line or an exit, in milliseconds, unless the call says otherwise. */
const PATIENCE_MS = 40_000
const alive = new Set<TestProcess>()
process.on('exit', () => {
  for (const one of alive) one.kill('SIGKILL')
})

/**
 * Starts a script of node (`.ts` through tsx) that speaks JSON, one value a line: `send` writes to
 * its standard input, `next` reads from its standard output. Lines that are not JSON, and standard
 * error, are kept in `output`.
 */
export function startProcess(script: string | URL, options: StartOptions = {}): TestProcess {
  const file = script instanceof URL ? fileURLToPath(script) : script
  const loader = file.endsWith('.ts') ? ['--import', 'tsx'] : []
  const { args = [], env = {}, descriptors, ...rest } = options
  const command = [process.execPath, ...loader, file, ...args]
  const limited =
    descriptors === undefined
      ? command
      : ['/bin/sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, ...command]
  const child = spawn(limited[0]!, limited.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    ...rest,
  })
  return new TestProcess(child)
}

export class TestProcess implements AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<Exit>
  /** Everything it said that was not JSON. */
  output = ''
  readonly #child: ChildProcess
  readonly #said: unknown[] = []
  #wake: () => void = () => {}

  constructor(child: ChildProcess) {
    this.#child = child
    this.pid = child.pid!
    alive.add(this)
    child.stdin!.on('error', () => {})
    createInterface({ input: child.stdout! }).on('line', (line) => this.#receive(line))
    child.stderr!.on('data', (text) => {
      this.output += text
    })
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.output += error.message
        resolve({ code: null, signal: null })
      })
      // Not "exit": a grandchild may still hold the pipes, but what was said comes first.
      child.once('exit', (code, signal) => setImmediate(() => resolve({ code, signal })))
    })
    void this.exited.then(() => {
      alive.delete(this)
      this.#wake()
    })
  }

  send(value: unknown): void {
    this.#child.stdin!.write(`${JSON.stringify(value)}\n`)
  }

  /** Ends its standard input. */
  end(): void {
    this.#child.stdin!.end()
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  /** The next value it says that `isWanted`; others stay for later calls. */
  async next<T = unknown>(
    isWanted: (value: T) => boolean = () => true,
    timeoutMs = PATIENCE_MS,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const index = this.#said.findIndex((value) => isWanted(value as T))
      if (index >= 0) return this.#said.splice(index, 1)[0] as T
      const left = deadline - performance.now()
      if (left <= 0 || !alive.has(this)) throw new Error(this.#missing(left <= 0))
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (alive.has(this)) this.kill('SIGKILL')
    await this.exited
  }

  #receive(line: string): void {
    try {
      this.#said.push(JSON.parse(line))
    } catch {
      this.output += `${line}\n`
    }
    this.#wake()
  }

  #missing(isLate: boolean): string {
    const why = isLate
      ? 'printed no matching line in time'
      : 'ended before it printed a matching line'
    return `process ${this.pid} ${why}; it said: ${JSON.stringify(this.#said)}\n${this.output}`
  }
}
