/** Job functions that end in every way there is, for the suite of the executors. */
import { spawn } from 'node:child_process'
import { appendFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiscardJob, job, RetryJob, SnoozeJob } from 'chancy'

const MIB = 1_024 ** 2

export const ok = job({ name: 'ok' }, ({ value = null }: { value?: unknown }) => value)
export const where = job({ name: 'where' }, () => process.pid)
export const fail = job({ name: 'fail' }, () => {
  throw new TypeError('out of cheese')
})
export const endings = job({ name: 'endings' }, ({ how = 'discard' }: { how?: string }) => {
  if (how === 'discard') throw new DiscardJob('no use')
  if (how === 'snooze') throw new SnoozeJob('5s')
  throw new RetryJob('7s')
})
export const nap = job({ name: 'nap' }, async ({ ms = 10 }: { ms?: number }) => {
  await sleep(ms)
  return 'rested'
})
/** Notes its beginning in a file, spins, and notes its end. */
export const noted = job(
  { name: 'noted' },
  ({ file = '', ms = 0, id = 0 }: { file?: string; ms?: number; id?: number }) => {
    appendFileSync(file, `begun ${id}\n`)
    spinFor(ms)
    appendFileSync(file, `ended ${id}\n`)
  },
)

/** Ends when its signal aborts, and returns the reason. */
export const cooperative = job({ name: 'cooperative' }, async (_: object, { signal, progress }) => {
  progress('begun')
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
  throw signal.reason
})
export const hang = job({ name: 'hang' }, async (_: object, { progress }) => {
  progress('begun')
  await sleep(3_600_000)
})
export const spin = job({ name: 'spin' }, ({ ms = 3_600_000 }: { ms?: number }, { progress }) => {
  progress('begun')
  spinFor(ms)
  return 'dizzy'
})
export const ignoreSigterm = job({ name: 'ignore-sigterm' }, async (_: object, { progress }) => {
  process.on('SIGTERM', () => {})
  progress('begun')
  for (;;) await sleep(10)
})
export const grandchild = job(
  { name: 'grandchild' },
  async ({ stay = true }: { stay?: boolean }, { progress }) => {
    const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
    const { pid } = spawn(process.execPath, ['-e', code], { stdio: 'inherit' })
    progress(pid)
    if (stay) await sleep(3_600_000)
    return pid
  },
)

export const growHeap = job({ name: 'grow-heap' }, async () => {
  const kept: unknown[] = []
  for (;;) {
    for (let index = 0; index < 10_000; index++) kept.push({ index, text: `${index}`.repeat(8) })
    await null
  }
})
export const growSlowly = job({ name: 'grow-slowly' }, async () => {
  const kept: unknown[] = []
  for (;;) {
    kept.push(Buffer.alloc(4 * MIB, 1))
    await sleep(5)
  }
})
export const growAtOnce = job(
  { name: 'grow-at-once' },
  ({ rethrow = false }: { rethrow?: boolean }) => {
    try {
      return Buffer.alloc(1_024 * MIB, 1).length
    } catch (error) {
      if (rethrow) throw new Error('no room for the picture', { cause: error })
      throw error
    }
  },
)
/** Many buffers in one turn of the loop, with no measurement in between. */
export const growFast = job({ name: 'grow-fast' }, () => {
  const kept: Buffer[] = []
  for (let index = 0; index < 256; index++) kept.push(Buffer.alloc(8 * MIB, 1))
  return kept.length
})

export const exitZero = job({ name: 'exit-zero' }, async () => {
  await sleep(1)
  process.exit(0)
})
export const abort = job({ name: 'abort' }, () => {
  writeSync(2, 'the last words\n')
  process.abort()
})
export const killed = job({ name: 'killed' }, () => {
  process.kill(process.pid, 'SIGKILL')
})
export const rejects = job({ name: 'rejects' }, async () => {
  void Promise.reject(new Error('not awaited'))
  await sleep(3_600_000)
})
export const throwsLate = job({ name: 'throws-late' }, async () => {
  setTimeout(() => {
    throw new Error('thrown by a timer')
  }, 1)
  await sleep(3_600_000)
})
export const unstorable = job({ name: 'unstorable' }, () => ({ big: 1n }))

export const tells = job({ name: 'tells' }, (_: object, { log, progress }) => {
  log.info('plain')
  log.warn({ size: 3, err: new Error('inner') }, 'with fields')
  console.log('printed')
  console.error('printed to stderr')
  progress({ done: 1 })
  progress({ done: 2 })
  return 'reported'
})
export const readsOutputs = job(
  { name: 'reads-outputs' },
  async ({ step }: { step: string }, { outputs }) => {
    const read: unknown[] = []
    for await (const output of outputs(step)) read.push(output)
    return read
  },
)
export const noStep = job({ name: 'no-step' }, async (_: object, context) => {
  for await (const _output of context.outputs('pack'));
})
export const context = job({ name: 'context' }, ({ value = 0 }: { value?: number }, context) => ({
  value,
  id: context.job.id,
  attempt: context.attempt,
  fence: context.fence,
  args: context.job.args,
}))
/** What a worker that starts reads. */
export const asksForChild = job({ name: 'asks-for-child' }, () => {
  return Symbol.for('chancy.child') in globalThis
})

function spinFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
