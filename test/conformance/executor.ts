import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type AttemptHandle,
  type Executor,
  machineMs,
  resultOf,
  type ScriptedJobs,
  scriptedJobs,
  start,
} from '../support/executors.ts'

export interface ExecutorSettings {
  readonly concurrency: number
  readonly killAfterMs: number
}

export type MakeExecutor = (jobs: ScriptedJobs, settings: ExecutorSettings) => Promise<Executor>

export interface ExecutorTraits {
  /** Why it cannot end code that does not honour its signal, in words. */
  readonly cannotForce?: string
  readonly noMemoryLimit?: string
  readonly noUsage?: string
  /** Why what a job prints is not captured. */
  readonly noOutput?: string
  /** Why an end of the child is none here. */
  readonly noChildren?: string
}

const KILL_AFTER_MS = 200
const MIB = 1_024 ** 2

/** What every executor owes. */
export function describeExecutor(
  name: string,
  make: MakeExecutor,
  traits: ExecutorTraits = {},
): void {
  const itUnless = (reason: string | undefined, title: string, test: () => Promise<void>): void => {
    if (reason === undefined) it(title, test)
    else it.skip(`${title} (not here: ${reason})`, test)
  }

  describe(`executor ${name}`, () => {
    let jobs: ScriptedJobs
    let executor: Executor
    const run = (job: string, args?: object, limits?: object): AttemptHandle =>
      start(executor, job, args, limits)

    beforeAll(async () => {
      jobs = await scriptedJobs()
      executor = await make(jobs, { concurrency: 2, killAfterMs: KILL_AFTER_MS })
      await executor.start()
    })
    afterEach(() => expect(executor.running).toBe(0))
    afterAll(async () => {
      await executor.stop({ graceMs: 0 })
      await jobs.remove()
    })

    it('returns what the function returned, as JSON', async () => {
      const value = { deep: [1, 'zwei\n\t', null], '\u2028': '\u{1F600}' }
      expect(await resultOf(run('ok', { value }))).toEqual(value)
      expect(await run('ok').ended).toMatchObject({ kind: 'returned', result: 'null' })
    })

    it('passes a context with the job', async () => {
      const handle = run('context', { value: 7 })
      expect(await resultOf(handle)).toMatchObject({
        value: 7,
        id: handle.id,
        attempt: 2,
        args: { value: 7 },
      })
    })

    it('reports what was thrown', async () => {
      const outcome = await run('fail').ended
      expect(outcome).toMatchObject({
        kind: 'threw',
        error: { name: 'TypeError', message: 'out of cheese' },
      })
      expect((outcome as { error: { stack: string } }).error.stack).toContain('scripted')
    })

    it('has the ways to end an attempt', async () => {
      expect((await run('endings', { how: 'discard' }).ended).kind).toBe('discarded')
      expect(await run('endings', { how: 'snooze' }).ended).toMatchObject({
        kind: 'snoozed',
        delayMs: 5_000,
      })
      expect(await run('endings', { how: 'retry' }).ended).toMatchObject({
        kind: 'retry-asked',
        delayMs: 7_000,
      })
    })

    it('refuses a result that cannot be stored', async () => {
      expect(await run('unstorable').ended).toMatchObject({
        kind: 'not-storable',
        error: { code: 'RESULT_NOT_SERIALIZABLE' },
      })
    })

    it('returns a job whose function it does not have', async () => {
      expect((await run('unknown').ended).kind).toBe('interrupted')
    })

    it('returns an attempt that may not begin any more', async () => {
      const handle = start(executor, 'ok', {}, {}, { untilMs: machineMs() })
      expect((await handle.ended).kind).toBe('interrupted')
      const other = start(executor, 'ok', { value: 1 }, {}, { untilMs: machineMs() + 60_000 })
      expect(await resultOf(other)).toBe(1)
    })

    itUnless(
      traits.noChildren,
      'begins nothing in a child once it may not, also while the worker stands still',
      async () => {
        const alone = await make(jobs, { concurrency: 1, killAfterMs: KILL_AFTER_MS })
        await alone.start()
        // Short ones, so that the child is sent more than it runs.
        for (let n = 0; n < 200; n++) await start(alone, 'ok').ended
        const permit = { untilMs: machineMs() + 1_000 }
        const long = start(alone, 'spin', { ms: 1_500 }, {}, permit)
        const next = start(alone, 'ok', { value: 2 }, {}, permit)
        await long.begun
        // As a process that is suspended: it takes nothing back.
        const end = performance.now() + 2_000
        while (performance.now() < end);
        expect((await next.ended).kind).toBe('interrupted')
        expect(await resultOf(long)).toBe('dizzy')
        await alone.stop({ graceMs: 0 })
      },
    )

    it('reads the outputs of a map a page at a time', async () => {
      expect(await resultOf(run('reads-outputs', { step: 'pack' }))).toEqual(
        [1, 2, 3, 4, 5].map((n) => ({ n })),
      )
      for (const [step, error] of [
        ['lost', { code: 'ATTEMPT_OVER' }],
        ['unknown', { code: 'STEP_NOT_FOUND' }],
        ['no-map', { code: 'CONFIG_INVALID', message: expect.stringContaining('no map') }],
        ['open', { code: 'CONFIG_INVALID', message: expect.stringContaining('not ended') }],
        ['gone', { name: 'TypeError', message: 'the database is gone' }],
      ] as const)
        expect(await run('reads-outputs', { step }).ended).toMatchObject({ kind: 'threw', error })
      expect(await run('no-step').ended).toMatchObject({ error: { code: 'CONFIG_INVALID' } })
    })

    it('passes on log and progress before the end', async () => {
      const handle = run('tells')
      expect(await resultOf(handle)).toBe('reported')
      expect(handle.progress.at(-1)).toEqual({ done: 2 })
      expect(handle.logged[0]).toMatchObject({ level: 'info', message: 'plain' })
      expect(handle.logged[1]).toMatchObject({
        level: 'warn',
        fields: { size: 3, err: { message: 'inner' } },
        message: 'with fields',
      })
    })

    itUnless(traits.noOutput, 'takes what a job prints for log', async () => {
      const handle = run('tells')
      await handle.ended
      expect(handle.logged).toContainEqual(
        expect.objectContaining({ fields: { stream: 'stdout' }, message: 'printed' }),
      )
      expect(handle.logged).toContainEqual(
        expect.objectContaining({ fields: { stream: 'stderr' }, message: 'printed to stderr' }),
      )
    })

    it('runs many concurrently, and each has its own result', async () => {
      const attempts = Array.from({ length: 500 }, (_, value) => run('ok', { value }))
      expect(await Promise.all(attempts.map(resultOf))).toEqual(attempts.map((_, index) => index))
    })

    itUnless(traits.noUsage, 'says what an attempt has used', async () => {
      const { usage } = await run('spin', { ms: 100 }).ended
      expect(usage!.wallMs).toBeGreaterThanOrEqual(100)
      expect(usage!.cpuMs).toBeGreaterThan(5)
      expect(usage!.peakBytes).toBeGreaterThan(MIB)
    })

    it('ends what honours its signal, and reports why it was stopped', async () => {
      for (const [reason, kind] of [
        ['cancelled', 'cancelled'],
        ['interrupted', 'interrupted'],
        ['lost', 'interrupted'],
      ] as const) {
        const handle = run('cooperative')
        await handle.begun
        handle.stop.ask(reason)
        expect((await handle.ended).kind).toBe(kind)
      }
    })

    it('ends what honours its signal at its time limit', async () => {
      expect(await run('cooperative', {}, { timeMs: 50 }).ended).toMatchObject({
        kind: 'timed-out',
        limitMs: 50,
      })
    })

    itUnless(traits.cannotForce, 'does not begin what was stopped before', async () => {
      const attempts = ['cancelled', 'interrupted'].map((reason) => {
        const handle = run('hang')
        handle.stop.ask(reason as 'cancelled')
        return handle
      })
      expect(
        await Promise.all(attempts.map(({ ended }) => ended.then(({ kind }) => kind))),
      ).toEqual(['cancelled', 'interrupted'])
      expect(attempts.map(({ progress }) => progress)).toEqual([[], []])
    })

    for (const job of ['hang', 'spin', 'ignore-sigterm']) {
      itUnless(traits.cannotForce, `ends "${job}" at its time limit`, async () => {
        const startedAt = performance.now()
        const outcome = await run(job, {}, { timeMs: 100 }).ended
        expect(outcome).toMatchObject({ kind: 'timed-out', limitMs: 100 })
        expect(performance.now() - startedAt).toBeLessThan(100 + KILL_AFTER_MS + 5_000)
      })

      itUnless(traits.cannotForce, `ends "${job}" when it is cancelled`, async () => {
        const handle = run(job)
        await handle.begun
        const askedAt = performance.now()
        handle.stop.ask('cancelled')
        expect((await handle.ended).kind).toBe('cancelled')
        expect(performance.now() - askedAt).toBeLessThan(KILL_AFTER_MS + 5_000)
      })
    }

    itUnless(traits.noMemoryLimit, 'ends what grows its heap over the limit', async () => {
      const limits = { memoryBytes: 128 * MIB }
      expect(await run('grow-heap', {}, limits).ended).toMatchObject({
        kind: 'over-memory',
        limitBytes: 128 * MIB,
      })
    })

    itUnless(
      traits.noChildren,
      'reports that a child ended by itself, and starts another',
      async () => {
        const outcome = await run('exit-zero').ended
        expect(outcome).toMatchObject({ kind: 'child-lost', error: { code: 'CHILD_EXITED' } })
        expect(await resultOf(run('ok', { value: 1 }))).toBe(1)
      },
    )

    itUnless(
      traits.noChildren,
      'fails a job for an error that its code does not catch',
      async () => {
        expect(await run('rejects').ended).toMatchObject({
          kind: 'threw',
          error: { message: 'not awaited' },
        })
        expect(await run('throws-late').ended).toMatchObject({
          kind: 'threw',
          error: { message: 'thrown by a timer' },
        })
      },
    )

    itUnless(traits.noChildren, 'spares the jobs beside and behind one that dies', async () => {
      const notes = path.join(jobs.folder, `spared-${name}`)
      const dying = Array.from({ length: 4 }, () => run('exit-zero'))
      const others = Array.from({ length: 200 }, (_, id) => run('noted', { file: notes, id }))
      for (const { ended } of dying) expect((await ended).kind).toBe('child-lost')
      for (const { ended } of others) expect((await ended).kind).toBe('returned')
      const lines = (await readFile(notes, 'utf8')).trim().split('\n')
      expect(lines.length).toBe(400)
      expect(new Set(lines).size).toBe(400)
    })

    itUnless(traits.noChildren, 'moves what waits behind a long job elsewhere', async () => {
      await Promise.all(Array.from({ length: 200 }, (_, value) => run('ok', { value }).ended))
      const long = run('spin', { ms: 2_000 })
      let isOver = false
      void long.ended.then(() => {
        isOver = true
      })
      await Promise.all(Array.from({ length: 300 }, () => run('ok').ended))
      expect(isOver).toBe(false)
      expect(await resultOf(long)).toBe('dizzy')
    })

    itUnless(traits.noChildren, 'returns attempts that have not begun', async () => {
      const long = [run('spin', { ms: 400 }), run('spin', { ms: 400 })]
      await Promise.all(long.map(({ begun }) => begun))
      const waiting = Array.from({ length: 10 }, () => run('ok'))
      executor.returnUnbegun()
      for (const { ended } of waiting) expect((await ended).kind).toBe('interrupted')
      expect(await Promise.all(long.map(resultOf))).toEqual(['dizzy', 'dizzy'])
    })

    it('marks the children, so that no worker starts in one', async () => {
      expect(await resultOf(run('asks-for-child'))).toBe(traits.noChildren === undefined)
    })
  })
}
