import { expect, it } from 'vitest'
import { scriptedJobs } from '../support/executors.ts'
import { runTrials } from '../support/limit-trials.ts'

const TRIALS = 100

it('keeps limits, and ends what is to end, in a hundred trials of all kinds', async () => {
  const jobs = await scriptedJobs()
  try {
    const reports = await runTrials(jobs, TRIALS)
    expect(reports.filter(({ faults }) => faults.length > 0)).toEqual([])
    expect(reports.length).toBe(TRIALS)
  } finally {
    await jobs.remove()
  }
}, 400_000)
