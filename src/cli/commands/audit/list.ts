import { Option } from 'commander'
import { AUDIT_OUTCOMES, type AuditOutcome } from '../../../core/audit-entry.ts'
import { command } from '../../program/command.ts'
import { wholeNumber } from '../../program/values.ts'

interface Given {
  readonly actor?: string
  readonly verb?: string
  readonly target?: string
  readonly outcome?: AuditOutcome
  readonly limit: number
  readonly after?: string
}

export const auditList = command<Given>({
  name: 'audit list',
  summary: 'list who did what to what, and why, the newest first',
  options: [
    new Option('--actor <id>', 'by this actor'),
    new Option('--verb <verb>', 'of this verb, such as queues.pause, or jobs.* for all of jobs'),
    new Option('--target <target>', 'to this, such as queue:mail'),
    new Option('--outcome <outcome>', 'with this outcome').choices(AUDIT_OUTCOMES),
    new Option('--limit <number>', 'how many, up to 1,000')
      .argParser(wholeNumber(1, 1_000))
      .default(20),
    new Option('--after <id>', 'those behind this one: the last id of the page before'),
  ],
  examples: [
    { text: 'Who paused the queue mail', command: 'chancy audit list --target queue:mail' },
  ],
  async run(call, { after, ...query }) {
    const { items } = await call.chancy().audit.list({ ...query, cursor: after })
    return {
      value: items,
      shown: items.map(({ at, actor, verb, target, outcome, jobs, reason }) => ({
        at,
        actor: actor?.name ?? actor?.id ?? null,
        verb,
        target,
        outcome,
        jobs,
        reason,
      })),
    }
  },
})
