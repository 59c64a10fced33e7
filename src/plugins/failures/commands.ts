import { NotFoundError } from '../../core/errors.ts'
import type { FailureGroup, FailureQuery } from '../../core/failure-group.ts'
import type { PluginAccess } from '../../plugin/index.ts'
import type { GivenOptions, PluginCommand } from '../../plugin/parts/plugin-command.ts'
import type { GroupActions } from './group-actions.ts'

const SHOWN_CHARACTERS = 60
const REASON = {
  reason: { type: 'text' as const, summary: 'why, for the audit log' },
  note: { type: 'text' as const, summary: 'a note that stays at the group' },
}

const actions = async (access: PluginAccess): Promise<GroupActions> => {
  const { GroupActions: Actions } = await import('./group-actions.ts')
  return new Actions(access)
}

/** `chancy failure …`. */
export const commands: readonly PluginCommand[] = [
  {
    name: 'failure list',
    summary: 'list groups of failures that are alike, the last failure first',
    options: {
      order: { type: 'text', summary: 'last, most (in 24 hours) or new' },
      state: { type: 'text', summary: 'only those that are open, muted or resolved' },
      name: { type: 'text', summary: 'only those of this job' },
      kind: { type: 'text', summary: 'only those of this kind, such as timeout' },
      after: { type: 'text', summary: 'the cursor of the page before' },
      limit: { type: 'number', short: 'n', summary: 'how many', default: 50 },
    },
    examples: [
      { text: 'What fails since the last deploy', command: 'chancy failure list --order new' },
    ],
    run: async (access, { after, ...given }) => {
      const query = Object.fromEntries(
        Object.entries({ ...given, cursor: after }).filter(([, value]) => value !== undefined),
      )
      return (await (await actions(access)).list(query as FailureQuery)).items
    },
    show: (found) => (found as readonly FailureGroup[]).map(line),
  },
  {
    name: 'failure show <fingerprint>',
    summary: 'show a group of failures with its hours, frames and newest jobs',
    run: async (access, { fingerprint }) => known(access, String(fingerprint)),
    show: (found) => {
      const { hours, ...group } = found as FailureGroup
      const failures = hours.reduce((sum, one) => sum + one.failures, 0)
      return { ...group, 'in 30 days': failures }
    },
  },
  decision('mute', 'count a group no longer as new'),
  decision('unmute', 'open a group that is muted or resolved'),
  decision('resolve', 'close a group until it comes back'),
]

function decision(name: 'mute' | 'unmute' | 'resolve', summary: string): PluginCommand {
  return {
    name: `failure ${name} <fingerprint>`,
    summary,
    options: REASON,
    run: async (access, { fingerprint, ...given }) => {
      const groups = await actions(access)
      const by = await actedBy(given)
      await groups[name](String(fingerprint), by)
      if (given.note !== undefined) await groups.note(String(fingerprint), String(given.note), by)
      return known(access, String(fingerprint))
    },
    show: (found) => line(found as FailureGroup),
  }
}

/** The user of the machine acts. */
async function actedBy({ reason }: GivenOptions) {
  const { userInfo } = await import('node:os')
  const actor = { id: `cli:${userInfo().username}`, name: userInfo().username }
  return reason === undefined ? { actor } : { actor, reason: String(reason) }
}

async function known(access: PluginAccess, fingerprint: string): Promise<FailureGroup> {
  const found = await (await actions(access)).get(fingerprint)
  if (found !== null) return found
  throw new NotFoundError(
    'FAILURE_NOT_FOUND',
    `No group of failures has the fingerprint ${fingerprint}.`,
    { details: { fingerprint } },
  )
}

function line(group: FailureGroup): object {
  const { fingerprint, name, error, message, hours, lastAt, total, state, isNew, again } = group
  const text = `${error}: ${message}`.replaceAll(/\s+/g, ' ')
  return {
    fingerprint,
    name,
    what: text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text,
    state: `${state}${isNew && state === 'open' ? ', new' : ''}${again > 0 ? `, again ×${again}` : ''}`,
    'in 24 h': hours.reduce((sum, one) => sum + one.failures, 0),
    total,
    last: lastAt,
  }
}
