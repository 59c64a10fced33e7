import { Option } from 'commander'
import { systemClock } from '../../../core/clock.ts'
import { WORKFLOW_STATES, type WorkflowState } from '../../../core/workflow-state.ts'
import { command } from '../../program/command.ts'
import { wholeNumber } from '../../program/values.ts'
import { workflowRow } from './workflow-row.ts'

interface Given {
  readonly name?: string
  readonly state?: WorkflowState
  readonly kind?: 'workflow' | 'batch'
  readonly uniqueKey?: string
  readonly limit: number
  readonly after?: string
}

export const workflowList = command<Given>({
  name: 'workflow list',
  summary: 'list workflows and batches, the newest first',
  options: [
    new Option('--name <name>', 'of this name'),
    new Option('--state <state>', 'in this state').choices(WORKFLOW_STATES),
    new Option('--kind <kind>', 'workflows of steps, or batches').choices(['workflow', 'batch']),
    new Option('--unique-key <key>', 'with this unique key'),
    new Option('--limit <number>', 'how many, up to 1,000')
      .argParser(wholeNumber(1, 1_000))
      .default(20),
    new Option('--after <id>', 'those behind this one: the last id of the page before'),
  ],
  examples: [{ text: 'What runs', command: 'chancy workflow list --state running' }],
  watch: true,
  async run(call, { name, state, kind, uniqueKey, limit, after }) {
    const page = await call.chancy().listWorkflows({ name, state, kind, uniqueKey, limit, after })
    const now = systemClock.now()
    return { value: page, shown: page.map((one) => workflowRow(one, now)) }
  },
})
