import { Option } from 'commander'
import { command } from '../../program/command.ts'
import { listValue } from '../../program/values.ts'

interface Given {
  readonly id: string
  readonly step?: readonly string[]
}

export const workflowRetry = command<Given>({
  name: 'workflow retry <id>',
  summary: 'run the failed and cancelled steps of a workflow again',
  options: [
    new Option(
      '--step <names>',
      'these and all behind them, also where they succeeded; with commas between them',
    ).argParser(listValue),
  ],
  examples: [{ text: 'From a step on', command: 'chancy workflow retry ID --step load' }],
  async run(call, { id, step }) {
    const steps = await call.chancy().retryWorkflow(id, step === undefined ? {} : { steps: step })
    return {
      value: { id, steps },
      shown: `${steps} ${steps === 1 ? 'step is' : 'steps are'} open again`,
    }
  },
})
