import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type Executor,
  isAlive,
  ProcessExecutor,
  resultOf,
  type ScriptedJobs,
  scriptedJobs,
  start,
  ThreadExecutor,
} from '../support/executors.ts'
import { isRunning } from '../support/limit-trials.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const MIB = 1_024 ** 2
let jobs: ScriptedJobs
const made: Executor[] = []

beforeAll(async () => {
  jobs = await scriptedJobs()
})
afterAll(() => jobs.remove())
afterEach(async () => {
  await Promise.all(made.splice(0).map((executor) => executor.stop({ graceMs: 0 })))
})

type Settings = Partial<ConstructorParameters<typeof ProcessExecutor>[0]>

function processes(settings: Settings = {}): ProcessExecutor {
  const defaults = { jobs: [jobs.file], concurrency: 2, killAfterMs: 200 }
  const executor = new ProcessExecutor({ ...defaults, ...settings })
  made.push(executor)
  return executor
}

async function moduleOf(name: string, text: string): Promise<string> {
  const file = path.join(jobs.folder, name)
  await writeFile(file, text)
  return file
}

describe('the process executor', () => {
  it('leaves no process behind when its worker is killed, also of a job that spins', async () => {
    await using worker = startProcess(
      new URL('../support/processes/children.mjs', import.meta.url),
      { args: [jobs.file] },
    )
    const next = () => worker.next<{ value: unknown; pids: number[] }>()
    const received = [await next(), await next()]
    const grandchild = received.map(({ value }) => value).find((value) => typeof value === 'number')
    const pids = [...new Set(received.flatMap((one) => one.pids)), grandchild as number]
    expect(pids.length).toBe(3)
    expect(pids.filter(isRunning)).toEqual(pids)
    worker.kill('SIGKILL')
    await until(() => pids.every((pid) => !isRunning(pid)), { timeoutMs: 2_000 })
  })

  it('ends what a job has started, with the job', async () => {
    const executor = processes()
    const handle = start(executor, 'grandchild', {}, { timeMs: 300 })
    const pid = (await handle.begun) as number
    expect((await handle.ended).kind).toBe('timed-out')
    expect(isRunning(pid)).toBe(false)
  })

  it('reports the last output of a child that was lost', async () => {
    const outcome = await start(processes(), 'abort').ended
    expect(outcome.kind).toBe('child-lost')
    const { message } = (outcome as { error: Error }).error
    expect(message).toContain('SIGABRT')
    expect(message).toContain('the last words')
  })

  it('detects memory outside of the heap, in one allocation and in pieces, also when the error is rethrown', async () => {
    const executor = processes()
    const limits = { memoryBytes: 128 * MIB }
    for (const [name, args] of [
      ['grow-at-once', {}],
      ['grow-at-once', { rethrow: true }],
      ['grow-fast', {}],
      ['grow-slowly', {}],
    ] as const) {
      expect(await start(executor, name, args, limits).ended).toMatchObject({
        kind: 'over-memory',
        limitBytes: 128 * MIB,
      })
    }
  })

  it('reports how much memory a job held that was killed for it', async () => {
    const limits = { memoryBytes: 128 * MIB }
    const { usage } = await start(processes(), 'grow-slowly', {}, limits).ended
    expect(usage!.peakBytes).toBeGreaterThan(128 * MIB)
    expect(usage!.peakBytes).toBeLessThan(160 * MIB)
  })

  it('keeps exactly to a number of jobs per child that was set', async () => {
    const executor = processes({ maximumJobsPerChild: 5 })
    const attempts = Array.from({ length: 60 }, () => start(executor, 'where'))
    const counts = new Map<unknown, number>()
    for (const pid of await Promise.all(attempts.map(resultOf))) {
      counts.set(pid, (counts.get(pid) ?? 0) + 1)
    }
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(5)
  })

  it('returns those that may have caused a crash, and then runs them alone', async () => {
    const executor = processes({ concurrency: 1 })
    executor.update({ concurrency: 2 * executor.defaultConcurrency, killAfterMs: 200 })
    await executor.start()
    const attempts = ['killed', 'nap', 'nap', 'nap'].map((name) => {
      return { name, handle: start(executor, name, { ms: 300 }) }
    })
    const kinds = await Promise.all(
      attempts.map(({ handle }) => handle.ended.then(({ kind }) => kind)),
    )
    expect(kinds.filter((kind) => kind === 'returned' || kind === 'interrupted').length).toBe(
      kinds[0] === 'child-lost' ? 3 : 4,
    )
  })

  it('kills for one job and gives the others in its child back', async () => {
    const executor = processes({ concurrency: 1 })
    executor.update({ concurrency: 2 * executor.defaultConcurrency, killAfterMs: 200 })
    await executor.start()
    const count = 2 * executor.defaultConcurrency
    const hanging = Array.from({ length: count }, () => start(executor, 'hang'))
    await Promise.all(hanging.map(({ begun }) => begun))
    hanging[0]!.stop.ask('cancelled')
    expect((await hanging[0]!.ended).kind).toBe('cancelled')
    for (const { stop } of hanging) stop.ask('cancelled')
    const kinds = await Promise.all(hanging.map(({ ended }) => ended.then(({ kind }) => kind)))
    expect(kinds.filter((kind) => kind !== 'cancelled' && kind !== 'interrupted')).toEqual([])
  })

  it('is stopped with nothing left, and returns what ran', async () => {
    const executor = processes()
    const attempts = ['spin', 'hang', 'ok', 'ok'].map((name) => start(executor, name))
    await Promise.all(attempts.slice(0, 2).map(({ begun }) => begun))
    const { pids } = executor
    await executor.stop({ graceMs: 100 })
    expect(pids.filter(isAlive)).toEqual([])
    const kinds = await Promise.all(attempts.map(({ ended }) => ended.then(({ kind }) => kind)))
    expect(kinds).toEqual(['interrupted', 'interrupted', 'interrupted', 'interrupted'])
  })

  it('loads TypeScript through tsx where Node does not', async () => {
    const name = JSON.stringify(pathToFileURL(path.join(jobs.folder, 'chancy.mjs')).href)
    const typed =
      "export const typed = job({ name: 'typed' }, ({ a = 1 }: { a?: number }) => a as number)"
    const file = await moduleOf('typed.mts', `import { job } from ${name}\n${typed}`)
    expect(await resultOf(start(processes({ jobs: [file] }), 'typed', { a: 2 }))).toBe(2)
    const threads = new ThreadExecutor({ jobs: [pathToFileURL(file)], concurrency: 1 })
    made.push(threads)
    expect(await resultOf(start(threads, 'typed', { a: 3 }))).toBe(3)
  })
})

describe('children that cannot be', () => {
  it('refuses a job that has no module', () => {
    for (const Kind of [ProcessExecutor, ThreadExecutor]) {
      expect(() => new Kind({ jobs: [() => {}] })).toThrow(/runs jobs in a child.*new URL/)
    }
  })

  it('reports at the start that a module cannot be loaded', async () => {
    const file = await moduleOf('broken.mjs', "throw new Error('no such luck')")
    for (const Kind of [ProcessExecutor, ThreadExecutor]) {
      const executor = new Kind({ jobs: [file], concurrency: 1 })
      made.push(executor)
      await expect(executor.start()).rejects.toThrow(/no such luck/)
    }
  })

  it('tries five times, then reports why, and returns the jobs', async () => {
    const file = await moduleOf('exits.mjs', 'process.exit(7)')
    const troubles: unknown[] = []
    const executor = processes({
      jobs: [file],
      concurrency: 1,
      onTrouble: (error) => troubles.push(error?.message),
    })
    const outcome = await start(executor, 'ok').ended
    expect(outcome).toMatchObject({ kind: 'interrupted' })
    expect((outcome as { error: Error }).error.message).toMatch(/5 times in a row.*code 7/)
    expect(troubles).toEqual([expect.stringMatching(/5 times in a row/)])
  })

  it('reports that the modules alone need more memory than the limit of a job', async () => {
    const text = 'globalThis.kept = Buffer.alloc(300 * 1024 ** 2, 1)'
    const heavy = await moduleOf(
      'heavy.mjs',
      `export * from './scripted.mjs'\nif (process.execArgv.join().includes('old-space')) ${text}`,
    )
    const executor = processes({ jobs: [heavy] })
    const limits = { memoryBytes: 128 * MIB }
    expect((await start(executor, 'ok', {}, limits).ended).kind).toBe('over-memory')
  })
})
