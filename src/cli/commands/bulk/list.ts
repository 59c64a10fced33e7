import { Option } from 'commander'
import { BULK_STATES, type BulkState } from '../../../core/bulk-action.ts'
import { command } from '../../program/command.ts'
import { wholeNumber } from '../../program/values.ts'
import { bulkRow } from './bulk-row.ts'

interface Given {
  readonly state?: BulkState
  readonly limit: number
  readonly after?: string
}

export const bulkList = command<Given>({
  name: 'bulk list',
  summary: 'list actions on many jobs, the newest first',
  options: [
    new Option('--state <state>', 'in this state').choices(BULK_STATES),
    new Option('--limit <number>', 'how many, up to 200')
      .argParser(wholeNumber(1, 200))
      .default(20),
    new Option('--after <id>', 'those behind this one: the last id of the page before'),
  ],
  examples: [{ text: 'What is under way', command: 'chancy bulk list --state running' }],
  watch: true,
  async run(call, { after, ...query }) {
    const { items } = await call.chancy().bulk.list({ ...query, cursor: after })
    return { value: items, shown: items.map(bulkRow) }
  },
})
