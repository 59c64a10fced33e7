import { ChancyError } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { bulkFields } from './bulk-row.ts'

export const bulkShow = command<{ readonly id: string }>({
  name: 'bulk show <id>',
  summary: 'show an action on many jobs: how far it is, and why jobs were left out',
  watch: true,
  async run(call, { id }) {
    const action = await call.chancy().bulk.get(id)
    if (action !== null) return { value: action, shown: bulkFields(action) }
    throw new ChancyError('BULK_NOT_FOUND', `No bulk action has the id ${id}.`, { details: { id } })
  },
})
