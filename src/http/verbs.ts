/** What a role may do: each route names one. */
export const VERBS = [
  'jobs.view',
  'queues.view',
  'failures.view',
  'workflows.view',
  'schedules.view',
  'workers.view',
  'metrics.view',
  'bulk.view',
  'jobs.cancel',
  'jobs.retry',
  'queues.pause',
  'failures.act',
  'workflows.act',
  'schedules.run',
  'bulk.run',
  'audit.view',
  'jobs.push',
  'jobs.edit',
  'jobs.delete',
  'queues.edit',
  'queues.delete',
  'schedules.edit',
] as const
/** What a role may do. */
export type Verb = (typeof VERBS)[number]

export const ROLES = ['view', 'operate', 'admin'] as const
/** `view` looks; `operate` also cancels, retries and pauses; `admin` also pushes, edits and deletes. */
export type Role = (typeof ROLES)[number]

const OPERATED: readonly Verb[] = [
  'jobs.cancel',
  'jobs.retry',
  'queues.pause',
  'failures.act',
  'workflows.act',
  'schedules.run',
  'bulk.run',
  'audit.view',
]

/** The verbs of each role; each has those of the one before it. */
const OF_ROLES: Readonly<Record<Role, ReadonlySet<Verb>>> = {
  view: new Set(VERBS.filter((verb) => verb.endsWith('.view') && verb !== 'audit.view')),
  operate: new Set(VERBS.filter((verb) => verb.endsWith('.view') || OPERATED.includes(verb))),
  admin: new Set(VERBS),
}

export function verbsOf(role: Role): ReadonlySet<Verb> {
  return OF_ROLES[role]
}
