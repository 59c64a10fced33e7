/** Twenty open pages: what each asks, how often, and the topics of its stream, as the dashboard does. */
import type { Facts } from './facts.ts'

export interface OpenPage {
  readonly name: string
  readonly topics: readonly string[]
  readonly loads: readonly Load[]
}

/** `every` in seconds; 0: once. `span` in hours: a range of time that ends now. */
export interface Load {
  readonly path: string
  readonly every: number
  readonly span?: number | undefined
}

const q = encodeURIComponent
const load = (path: string, every: number, span?: number): Load => ({ path, every, span })
const page = (name: string, topics: readonly string[], ...loads: readonly Load[]): OpenPage => ({
  name,
  topics,
  loads,
})

export function pagesOf(facts: Facts): OpenPage[] {
  const [worker, workflow, fingerprint] = [
    facts.workers[0],
    facts.workflows[0],
    facts.fingerprints[0],
  ]
  const overview = page('overview', ['overview'], load('metrics/series?series=all', 10, 1))
  const queues = (at: number) =>
    `metrics/series?series=${Array.from({ length: 8 }, (_, n) => `queue:queue-${at + n}`).join()}`
  const list = page('queues', ['queues'], load(queues(0), 60, 1), load(queues(8), 60, 1))
  const queue = (name: string) =>
    page(
      'queue',
      [`queue:${name}`],
      load(`queues/${name}/explain`, 0),
      load(`jobs?q=${q(`queue:${name} state:waiting`)}&order=line&limit=8`, 5),
      load(`jobs?q=${q(`queue:${name} state:running`)}&limit=8`, 5),
      load(`audit?q=${q(`target:queue:${name}`)}&limit=5`, 0),
      load(`metrics/series?series=queue:${name}`, 10, 1),
    )
  const jobs = (filter: string) =>
    page('jobs', [`jobs:${filter}`], load(`jobs?q=${q(filter)}&limit=50`, 0))
  const job = (id: string | undefined) =>
    page(
      'job',
      [`job:${id}`],
      load(`jobs/${id}`, 0),
      load(`jobs/${id}/explain`, 5),
      load(`audit?q=${q(`target:job:${id}`)}&limit=10`, 0),
    )
  return [
    overview,
    overview,
    overview,
    list,
    list,
    queue('queue-7'),
    queue('queue-3'),
    jobs('state:failed'),
    jobs('args.user.id:4711'),
    job(facts.waiting[0]),
    job(facts.blocked[0]),
    page('failures', ['failures']),
    page(
      'failure',
      [],
      load(`failures/${fingerprint}`, 5),
      load(`jobs?q=${q(`failure:${fingerprint} state:failed`)}&order=ended&limit=20`, 10),
    ),
    page('workflows', [], load('workflows', 5)),
    page('workflow', [`workflow:${workflow}`], load(`workflows/${workflow}`, 0)),
    page('workers', ['workers']),
    page(
      'worker',
      ['queues'],
      load(`workers/${worker}`, 5),
      load(`jobs?q=${q(`worker:${worker} state:running`)}&limit=200`, 5),
    ),
    page('groups', ['groups', 'queues']),
    page(
      'charts',
      ['queues'],
      load('metrics/series?series=all,queue:queue-1,queue:queue-7', 10, 24),
    ),
    page('actions', [], load('bulk', 5), load('audit', 5)),
  ]
}
