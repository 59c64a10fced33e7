import { Option } from 'commander'
import { actingUser } from '../../program/acting-user.ts'
import { command, type Example } from '../../program/command.ts'
import { bulkFields } from './bulk-row.ts'
import { follow } from './follow.ts'

interface Given {
  readonly id: string
  readonly reason?: string
}

const ID = '0192f3a4-8b1c-7d2e-9f30-000000000001'
const reason = () => new Option('--reason <text>', 'why, for the audit log')
const byId = (line: string): readonly Example[] => [{ text: 'By its id', command: line }]

const change = (name: 'pause' | 'resume' | 'stop', summary: string) =>
  command<Given>({
    name: `bulk ${name} <id>`,
    summary,
    options: [reason()],
    examples: byId(`chancy bulk ${name} ${ID}`),
    async run(call, given) {
      const action = await call.chancy().bulk[name](given.id, actingUser(given.reason))
      return { value: action, shown: bulkFields(action) }
    },
  })

export const bulkPause = change('pause', 'pause an action on many jobs')
export const bulkResume = change('resume', 'continue a paused action on many jobs')
export const bulkStop = change('stop', 'end an action on many jobs where it is')

export const bulkRate = command<Given & { readonly perSecond: string }>({
  name: 'bulk rate <id> <per-second>',
  summary: 'change how many jobs a second an action changes, while it runs',
  options: [reason()],
  examples: byId(`chancy bulk rate ${ID} 20`),
  async run(call, given) {
    const rate = Number(given.perSecond)
    const action = await call.chancy().bulk.setRate(given.id, rate, actingUser(given.reason))
    return { value: action, shown: bulkFields(action) }
  },
})

export const bulkUndo = command<Given>({
  name: 'bulk undo <id>',
  summary: 'take an action back: jobs that have not changed since are as they were',
  options: [reason()],
  examples: byId(`chancy bulk undo ${ID}`),
  interruptible: true,
  async run(call, given) {
    const undo = await call.chancy().bulk.undo(given.id, actingUser(given.reason))
    if (undo.action !== 'undo') return { value: undo, shown: bulkFields(undo) }
    const of = await call.chancy().bulk.get(given.id)
    return follow(call, undo, of?.done ?? null)
  },
})
