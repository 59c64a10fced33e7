import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { isRunning } from '../support/limit-trials.ts'
import { jobModule, keptLog, testPools } from '../support/pools.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const pools = testPools()
const jobs = [jobModule('rude')]
const MIB = 1_024 ** 2

// The processes of a job, and what they used, are read from /proc.
const describeOnLinux = describe.skipIf(process.platform !== 'linux')

describeOnLinux('a process that a job has detached', () => {
  it('ends with the attempt that is killed', async () => {
    const handle = start(pools.process({ jobs }), 'detaches', {}, { timeMs: 400 })
    const pid = (await handle.begun) as number
    expect(isRunning(pid)).toBe(true)
    expect((await handle.ended).kind).toBe('timed-out')
    expect(isRunning(pid)).toBe(false)
  })

  it('ends with the worker that is killed', async () => {
    const program = new URL('../support/processes/children.mjs', import.meta.url)
    await using worker = startProcess(program, { args: [...jobs, 'detaches'] })
    const { value: pid } = await worker.next<{ value: number }>()
    expect(isRunning(pid)).toBe(true)
    worker.kill('SIGKILL')
    await until(() => !isRunning(pid), { timeoutMs: 2_000 })
  })

  it('lives on when its job has returned and its child ends in its own time', async () => {
    const executor = pools.process({ jobs, concurrency: 1, maximumJobsPerChild: 1 })
    const pid = (await resultOf(start(executor, 'detaches', { ms: 1 }))) as number
    await resultOf(start(executor, 'ok'))
    expect(isRunning(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })
})

describeOnLinux('what a killed attempt has used', () => {
  it.each([
    ['spins', { timeMs: 300 }, 'timed-out'],
    ['grows-wasm', { memoryBytes: 128 * MIB }, 'over-memory'],
  ])('is known of "%s"', async (name, limits, kind) => {
    const executor = pools.process({ jobs, concurrency: 1 })
    await resultOf(start(executor, 'ok'))
    const outcome = await start(executor, name, {}, limits).ended
    expect(outcome.kind).toBe(kind)
    expect(outcome.usage!.peakBytes).toBeGreaterThan(20 * MIB)
    expect(outcome.usage!.cpuMs).toBeGreaterThan(kind === 'timed-out' ? 20 : 0)
    expect(outcome.usage!.cpuMs).toBeLessThan(outcome.usage!.wallMs + 200)
  })

  it('is known of a job that was cancelled, and of one that ended its process', async () => {
    const executor = pools.process({ jobs, concurrency: 1 })
    const cancelled = start(executor, 'detaches')
    await cancelled.begun
    cancelled.stop.ask('cancelled')
    expect((await cancelled.ended).usage).toMatchObject({
      cpuMs: expect.any(Number),
      peakBytes: expect.any(Number),
    })
  })
})

describe('memory of WebAssembly', () => {
  it.each([true, false])('is known to be over the limit, in one allocation: %s', async (atOnce) => {
    const executor = pools.process({ jobs, concurrency: 1 })
    const limits = { memoryBytes: 128 * MIB }
    const outcome = await start(executor, 'grows-wasm', { atOnce }, limits).ended
    expect(outcome).toMatchObject({ kind: 'over-memory', limitBytes: 128 * MIB })
  })
})

describe('a child that takes most of a limit before it begins', () => {
  it('is warned of, once', async () => {
    const { log, lines, said } = keptLog()
    const executor = pools.process({ jobs: [jobModule('heavy')], concurrency: 1, log })
    const limits = { memoryBytes: 120 * MIB }
    for (const value of [1, 2]) {
      expect(await resultOf(start(executor, 'ok', { value }, limits))).toBe(value)
      for (const pid of executor.pids) process.kill(pid, 'SIGKILL')
    }
    expect(await said(/most of the memory limit/)).toMatchObject({
      level: 'warn',
      fields: { memoryBytes: 120 * MIB, takenBytes: expect.any(Number) },
    })
    expect(lines.filter(({ level }) => level === 'warn').length).toBe(1)
  })
})
