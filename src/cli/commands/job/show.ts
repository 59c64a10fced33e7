import { jobNotFound } from '../../../core/errors.ts'
import { explanationInWords } from '../../../core/explanation-words.ts'
import { command } from '../../program/command.ts'
import { jobFields } from './job-row.ts'

export const jobShow = command<{ readonly id: string }>({
  name: 'job show <id>',
  summary: 'show a job, its failures, and why it waits',
  watch: true,
  async run(call, { id }) {
    const chancy = call.chancy()
    const job = await chancy.getJob(id)
    if (job === null) throw jobNotFound(id)
    const waits = job.state === 'pending' || job.state === 'retrying'
    const why = waits ? { why: explanationInWords(await chancy.explain(id)) } : {}
    const { failures, stack, ...fields } = jobFields(job) as Readonly<Record<string, unknown>>
    const rest = {
      ...(stack === undefined ? {} : { stack }),
      ...(failures === undefined ? {} : { failures }),
    }
    return { value: job, shown: { ...fields, ...why, ...rest } }
  },
})
