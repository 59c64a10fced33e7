import { InlineExecutor, loadJobs, ProcessExecutor, ThreadExecutor } from '../support/executors.ts'
import { describeExecutor } from './executor.ts'

describeExecutor('process', async ({ file }, settings) => {
  return new ProcessExecutor({ ...settings, jobs: [file] })
})

describeExecutor('thread', async ({ file }, settings) => {
  return new ThreadExecutor({ ...settings, jobs: [file] })
})

const inLoop = 'the code runs in the loop of the worker'
describeExecutor('inline', async ({ file }) => new InlineExecutor(await loadJobs(file)), {
  cannotForce: inLoop,
  noMemoryLimit: 'it refuses jobs that have one',
  noUsage: 'jobs share the process',
  noOutput: inLoop,
  noChildren: inLoop,
})
