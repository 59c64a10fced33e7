import type { IconName } from './components/icon.tsx'

export interface PageEntry {
  readonly part: string
  readonly title: string
  readonly icon: IconName
  /** The second key after `g`. */
  readonly key: string
  readonly verb: string
}

/** Every page of the navigation, in its order. The first five stand in the bar of a narrow screen. */
export const PAGES: readonly PageEntry[] = [
  { part: '', title: 'Overview', icon: 'overview', key: 'o', verb: 'queues.view' },
  { part: 'queues', title: 'Queues', icon: 'queues', key: 'q', verb: 'queues.view' },
  { part: 'jobs', title: 'Jobs', icon: 'jobs', key: 'j', verb: 'jobs.view' },
  { part: 'failures', title: 'Failures', icon: 'failures', key: 'f', verb: 'failures.view' },
  { part: 'workers', title: 'Workers', icon: 'workers', key: 'k', verb: 'workers.view' },
  { part: 'workflows', title: 'Workflows', icon: 'workflows', key: 'w', verb: 'workflows.view' },
  { part: 'schedules', title: 'Schedules', icon: 'schedules', key: 's', verb: 'schedules.view' },
  { part: 'groups', title: 'Groups', icon: 'groups', key: 'l', verb: 'queues.view' },
  { part: 'charts', title: 'Charts', icon: 'charts', key: 'm', verb: 'metrics.view' },
  { part: 'actions', title: 'Actions', icon: 'actions', key: 'a', verb: 'audit.view' },
]
