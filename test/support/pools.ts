/** Executors with children, stopped after the test that made them. */
import { afterEach } from 'vitest'
import { ProcessExecutor, ThreadExecutor } from './executors.ts'

type Settings = ConstructorParameters<typeof ProcessExecutor>[0]

export interface Pools {
  process(settings: Settings): ProcessExecutor
  thread(settings: Settings): ThreadExecutor
}

/** For most tests: two concurrent jobs, and a short wait for code that does not honour its signal. */
const DEFAULTS = { concurrency: 2, killAfterMs: 200 }

export function testPools(): Pools {
  const made: (ProcessExecutor | ThreadExecutor)[] = []
  const keep = <Kind extends (typeof made)[number]>(executor: Kind): Kind => {
    made.push(executor)
    return executor
  }
  afterEach(async () => {
    await Promise.all(made.splice(0).map((executor) => executor.stop({ graceMs: 0 })))
  })
  return {
    process: (settings) => keep(new ProcessExecutor({ ...DEFAULTS, ...settings })),
    thread: (settings) => keep(new ThreadExecutor({ ...DEFAULTS, ...settings })),
  }
}

/** Jobs of `test/support/jobs`, in JavaScript, which import the package by its name. */
export const jobModule = (name: string): string => {
  return new URL(`./jobs/${name}.mjs`, import.meta.url).href
}

/** A logger that keeps its lines, and can be waited for. */
export function keptLog() {
  const lines: { readonly level: string; readonly fields: object; readonly message?: string }[] = []
  let wake: () => void = () => {}
  const method = (level: string) => (fields: object, message?: string) => {
    lines.push({ level, fields, ...(message === undefined ? {} : { message }) })
    wake()
  }
  return {
    lines,
    log: {
      debug: method('debug'),
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
    },
    /** The first line whose message matches. */
    async said(wanted: RegExp): Promise<(typeof lines)[number]> {
      for (;;) {
        const line = lines.find(({ message }) => wanted.test(message ?? ''))
        if (line !== undefined) return line
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
