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

  it('are left again from the finished ones by a retry by hand only, and never from succeeded', () => {
    for (const state of FINISHED_STATES) {
      const verbs = Object.keys(TRANSITIONS[state])
      expect(verbs).toEqual(state === 'succeeded' ? [] : ['retry by hand'])
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
  'claim.ts': [
    ['pending', 'running'],
    ['retrying', 'running'],
  ],
  'finish.ts': [
    ['running', 'succeeded'],
    ['running', 'failed'],
    ['running', 'cancelled'],
    ['running', 'retrying'],
    ['running', 'pending'],
  ],
  'recover.ts': [
    ['running', 'pending'],
    ['running', 'failed'],
    ['running', 'cancelled'],
  ],
  'change.ts': [
    ['pending', 'cancelled'],
    ['retrying', 'cancelled'],
    ['failed', 'pending'],
    ['cancelled', 'pending'],
  ],
}

describe('the statements that write a state', () => {
  const folder = fileURLToPath(new URL('../../../src/database/migrations/0001/', import.meta.url))
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
    // "SET state = …", and a state given to an INSERT as a literal.
    const writes = /\bSET state\b|\bSELECT [^;]*'(?:pending|cancelled|failed)'/
    const found = files.filter((file) => writes.test(readFileSync(folder + file, 'utf8')))
    expect(found.sort()).toEqual(Object.keys(STEPS).sort())
    for (const [file, steps] of Object.entries(STEPS)) {
      const text = readFileSync(folder + file, 'utf8')
      const allowed = new Set<string>(steps.flat())
      // Guards may name every state; what is assigned may not.
      const assigned = [...text.matchAll(/SET state = '(\w+)'/g)].map(([, state]) => state)
      for (const state of assigned) expect(allowed).toContain(state)
    }
  })
})
