import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { mayBecome, TRANSITIONS } from '../../../src/core/job-state.ts'
import { FINISHED_STATES, JOB_STATES, type JobState } from '../../../src/core/queued-job.ts'

describe('the states of a job', () => {
  it('lead to known states only', () => {
    expect(Object.keys(TRANSITIONS).sort()).toEqual([...JOB_STATES].sort())
    for (const steps of Object.values(TRANSITIONS)) {
      for (const state of Object.values(steps)) expect(JOB_STATES).toContain(state)
    }
  })

  it('lead out of a finished one by a manual retry or an undone cancel only, and out of succeeded as a step only', () => {
    for (const state of FINISHED_STATES) {
      const verbs = Object.keys(TRANSITIONS[state])
      const undone = state === 'cancelled' ? ['undone cancel'] : []
      expect(verbs).toEqual([state === 'succeeded' ? 'repeat step' : 'manual retry', ...undone])
    }
  })

  it('are all reached from pending', () => {
    const reached = new Set<JobState>(['pending'])
    for (const state of reached) {
      for (const next of JOB_STATES) if (mayBecome(state, next)) reached.add(next)
    }
    expect([...reached].sort()).toEqual([...JOB_STATES].sort())
  })
})

/** Every step that a function of the schema writes, by the statement that does: from, to. */
const STEPS: Readonly<Record<string, readonly (readonly [JobState, JobState])[]>> = {
  'claim@1.sql': [
    ['pending', 'running'],
    ['retrying', 'running'],
  ],
  // Sends a claim with a push.
  'push_and_claim@1.sql': [['pending', 'running']],
  'finish@1.sql': [
    ['running', 'succeeded'],
    ['running', 'failed'],
    ['running', 'cancelled'],
    ['running', 'retrying'],
    ['running', 'pending'],
  ],
  'finish@2.sql': [
    ['running', 'succeeded'],
    ['running', 'failed'],
    ['running', 'cancelled'],
    ['running', 'retrying'],
    ['running', 'pending'],
  ],
  'recover@1.sql': [
    ['running', 'pending'],
    ['running', 'failed'],
    ['running', 'cancelled'],
  ],
  'recover@2.sql': [
    ['running', 'pending'],
    ['running', 'failed'],
    ['running', 'cancelled'],
  ],
  'cancel@1.sql': [
    ['pending', 'cancelled'],
    ['retrying', 'cancelled'],
  ],
  'cancel_many@1.sql': [
    ['pending', 'cancelled'],
    ['retrying', 'cancelled'],
  ],
  // Ends of steps that never ran, and of what is open of a workflow that is stopped.
  'end_unrun@1.sql': [
    ['pending', 'failed'],
    ['pending', 'cancelled'],
  ],
  'stop_flow@1.sql': [
    ['pending', 'cancelled'],
    ['retrying', 'cancelled'],
  ],
  // What bulk actions did, undone: a cancel, and a retry.
  'undo_jobs@1.sql': [
    ['cancelled', 'pending'],
    ['cancelled', 'retrying'],
    ['pending', 'failed'],
    ['pending', 'cancelled'],
  ],
  'stop_batch@1.sql': [
    ['pending', 'cancelled'],
    ['retrying', 'cancelled'],
  ],
  'retry_flow@1.sql': [
    ['failed', 'pending'],
    ['cancelled', 'pending'],
    ['succeeded', 'pending'],
  ],
  'retry@1.sql': [
    ['failed', 'pending'],
    ['cancelled', 'pending'],
  ],
  'retry_many@1.sql': [
    ['failed', 'pending'],
    ['cancelled', 'pending'],
  ],
}

describe('the statements that write a state', () => {
  const folder = fileURLToPath(new URL('../../../src/database/sql/functions/', import.meta.url))
  const files = readdirSync(folder)

  it.each(Object.entries(STEPS))('of %s make steps of the table only', (_file, steps) => {
    for (const [from, to] of steps)
      expect([from, to, mayBecome(from, to)]).toEqual([from, to, true])
  })

  it('make together every step of the table', () => {
    const written = Object.values(STEPS).flatMap((steps) => steps.map((step) => step.join(' ')))
    const wanted = Object.entries(TRANSITIONS).flatMap(([from, steps]) =>
      [...new Set(Object.values(steps))].map((to) => `${from} ${to}`),
    )
    expect([...new Set(written)].sort()).toEqual(wanted.sort())
  })

  it('stand in these files and in no other, and name no other state', () => {
    // "UPDATE … SET state", and an INSERT that names the column.
    const writes =
      /UPDATE chancy\.jobs\b[^;]*?SET state\b|INSERT INTO chancy\.(?:finished_)?jobs\b[^;]*?\bstate\b/
    const read = (file: string) => readFileSync(folder + file, 'utf8').replace(/--[^\n]*/g, '')
    const found = files.filter((file) => writes.test(read(file)))
    expect(found.sort()).toEqual(Object.keys(STEPS).sort())
    for (const [file, steps] of Object.entries(STEPS)) {
      const text = readFileSync(folder + file, 'utf8')
      const allowed = new Set<string>(steps.flat())
      // Guards may name every state; what is assigned may not.
      const assigned = [...text.matchAll(/UPDATE chancy\.jobs\b[^;]*?SET state = '(\w+)'/g)].map(
        ([, state]) => state,
      )
      for (const state of assigned) expect(allowed).toContain(state)
    }
  })
})
