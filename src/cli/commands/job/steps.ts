import type { RecordedStep } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { durationText } from '../../terminal/duration-text.ts'

export const jobSteps = command<{ readonly id: string }>({
  name: 'job steps <id>',
  summary: 'list what a durable job has recorded',
  details: 'In the order in which results came. --json has the results and errors in full.',
  watch: true,
  async run(call, { id }) {
    const steps = await call.chancy().getSteps(id)
    return { value: steps, shown: steps.map(stepRow) }
  },
})

function stepRow({ n, kind, name, startedAt, endedAt, result, error }: RecordedStep): object {
  return {
    n,
    kind,
    name,
    ended: endedAt,
    took: durationText(endedAt.getTime() - startedAt.getTime()),
    result: error === null ? cut(JSON.stringify(result)) : cut(`${error.name}: ${error.message}`),
  }
}

/** A row stays a row. */
function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
