import type { JobPart } from '../../../index.ts'
import { command } from '../../program/command.ts'

export const jobPart = command<{ readonly id: string; readonly part: string }>({
  name: 'job part <id> <part>',
  summary: 'print the args, result, meta, progress or errors of a job as JSON',
  details:
    'As PostgreSQL has it: numbers keep all their digits. A job without the part exits with 1.',
  examples: [
    {
      text: 'The arguments of a job, read by jq',
      command: 'chancy job part 0192f3a4-8b1c-7d2e-9f30-123456789abc args',
    },
  ],
  async run(call, { id, part }) {
    const text = await call.chancy().getJobPart(id, part as JobPart)
    if (text !== null) return { value: JSON.parse(text), shown: text }
    return { value: null, shown: `The job has no ${part}.`, isNo: true }
  },
})
