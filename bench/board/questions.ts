/** What each `GET` route is asked: by its path, and what is special about it, the addresses in turn. */
import type { Facts } from './facts.ts'

type Addresses = readonly string[]
export type Questions = Readonly<Record<string, Readonly<Record<string, Addresses>>>>

const encoded = encodeURIComponent
const HOUR_MS = 3_600_000
const since = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString()

export function questionsOf(facts: Facts): Questions {
  const { finished, failed, waiting, blocked, running, workers, workflows, fingerprints } = facts
  const jobs = (q: string, more = ''): Addresses => [`jobs?q=${encoded(q)}${more}`]
  const each = (ids: readonly string[], of: (id: string) => string): Addresses =>
    ids.map((id) => of(encoded(id)))
  const series = (list: string, hours: number): Addresses => [
    `metrics/series?series=${list}&from=${since(hours)}`,
  ]
  const names = Array.from({ length: 8 }, (_, n) => `queue:queue-${n}`).join(',')
  const topic = (name: string): Addresses => [`events?once=1&topics=${encoded(name)}`]
  return {
    '/session': { '': ['session'] },
    '/openapi.json': { '': ['openapi.json'] },
    '/jobs': {
      newest: jobs(''),
      'newest, 200': jobs('', '&limit=200'),
      'of a queue': jobs('queue:queue-3'),
      failed: jobs('state:failed', '&order=ended'),
      'failed of a queue': jobs('state:failed queue:queue-3', '&order=ended'),
      running: jobs('state:running'),
      retrying: jobs('state:retrying'),
      'in line': jobs('queue:queue-3 state:waiting', '&order=line'),
      due: jobs('', '&order=due'),
      'of a group': each(
        fingerprints.slice(0, 20),
        (one) => `jobs?q=${encoded(`failure:${one} state:failed`)}&order=ended`,
      ),
      'of a worker': each(workers, (one) => `jobs?q=${encoded(`worker:${one} state:running`)}`),
      'rare name': jobs('name:rare.name'),
      'no such name': jobs('name:never state:finished'),
      argument: jobs('args.user.id:4711'),
      'no such argument': jobs('args.user.id:999999'),
      'slow attempts': jobs('wall:>=999ms'),
      'a day': jobs('finished:25h..49h state:failed'),
      'no such queue': jobs('queue:none'),
      'a word': each(finished.slice(0, 50), (id) => `jobs?q=${id}`),
    },
    '/jobs/count': {
      all: ['jobs/count?q='],
      failed: [`jobs/count?q=${encoded('state:failed')}`],
      argument: [`jobs/count?q=${encoded('args.user.id:4711')}`],
    },
    '/jobs/suggest': {
      empty: ['jobs/suggest?q=&at=0'],
      name: ['jobs/suggest?q=name:jo&at=7'],
      path: ['jobs/suggest?q=args.&at=5'],
    },
    '/jobs/{id}': {
      finished: each(finished, (id) => `jobs/${id}`),
      unfinished: each([...waiting, ...running], (id) => `jobs/${id}`),
    },
    ...Object.fromEntries(
      ['args', 'result', 'meta', 'progress', 'errors'].map((part) => [
        `/jobs/{id}/${part}`,
        { '': each(part === 'errors' ? failed : finished, (id) => `jobs/${id}/${part}`) },
      ]),
    ),
    '/jobs/{id}/explain': {
      waiting: each(waiting, (id) => `jobs/${id}/explain`),
      blocked: each(blocked, (id) => `jobs/${id}/explain`),
      finished: each(finished, (id) => `jobs/${id}/explain`),
    },
    '/jobs/{id}/wait': { finished: each(finished, (id) => `jobs/${id}/wait?timeoutMs=1000`) },
    '/queues': { '': ['queues'] },
    '/queues/{name}': { '': ['queues/queue-3', 'queues/queue-7'] },
    '/queues/{name}/explain': { '': ['queues/queue-3/explain', 'queues/queue-7/explain'] },
    '/failures': {
      last: ['failures'],
      most: ['failures?order=most'],
      new: ['failures?order=new'],
      muted: ['failures?state=muted'],
      'of a name': ['failures?name=job.3'],
    },
    '/failures/{fingerprint}': { '': each(fingerprints, (one) => `failures/${one}`) },
    '/workflows': {
      all: ['workflows'],
      failed: ['workflows?state=failed'],
      'of a name': ['workflows?name=export'],
    },
    '/workflows/{id}': { '': each(workflows, (id) => `workflows/${id}`) },
    '/workflows/{id}/explain': { '': each(facts.batches, (id) => `workflows/${id}/explain`) },
    '/schedules': { '': ['schedules'] },
    '/schedules/{key}': { '': ['schedules/yearly-3'] },
    '/schedules/{key}/preview': { '': ['schedules/yearly-3/preview?n=20'] },
    '/workers': { '': ['workers'] },
    '/workers/{id}': { '': each(workers, (id) => `workers/${id}`) },
    '/groups': { all: ['groups'], prefix: ['groups?prefix=group:3'] },
    '/groups/{key}': { '': each(facts.groups, (key) => `groups/${key}`) },
    '/metrics/series': {
      'all, an hour': series('all', 1),
      '8, a day': series(names, 24),
      '8, 60 days': series(names, 24 * 60),
      'name, a week': series('name:job.3', 24 * 7),
      'all, 5 minutes': [`metrics/series?series=all&step=10s&from=${since(0.2)}`],
    },
    '/bulk': { '': ['bulk'] },
    '/bulk/{id}': { '': each(facts.bulk, (id) => `bulk/${id}`) },
    '/audit': {
      newest: ['audit'],
      'of a queue': [`audit?q=${encoded('target:queue:queue-2')}`],
      'of a user': ['audit?actor=user-3'],
      refused: ['audit?outcome=refused'],
    },
    '/events': {
      overview: topic('overview'),
      queues: topic('queues'),
      queue: topic('queue:queue-7'),
      jobs: topic('jobs:state:failed'),
      job: topic(`job:${waiting[0]}`),
      workers: topic('workers'),
      failures: topic('failures'),
      groups: topic('groups'),
      schedules: topic('schedules'),
      workflow: topic(`workflow:${workflows[0]}`),
      bulk: topic(`bulk:${facts.bulk[0]}`),
    },
    // Not below /api/v1.
    '../../metrics': { '': ['../../metrics'] },
    '../../health/live': { '': ['../../health/live'] },
    '../../health/ready': { '': ['../../health/ready'] },
  }
}
