import { expect, it } from 'vitest'
import { scriptedJobs } from '../support/executors.ts'
import { runTrials } from '../support/limit-trials.ts'
import { sized } from '../support/size.ts'

const TRIALS = sized(15, 100)
/** A busy machine may take its time; `npm run chaos:executors` holds a quiet one to half a second. */
const SLACK_MS = 20_000

it('keeps limits, and ends what is to end, in many trials of all kinds', async () => {
  const jobs = await scriptedJobs()
  try {
    const reports = await runTrials(jobs, { trials: TRIALS, slackMs: SLACK_MS })
    expect(reports.filter(({ faults }) => faults.length > 0)).toEqual([])
    expect(reports.length).toBe(TRIALS)
  } finally {
    await jobs.remove()
  }
}, 400_000)
