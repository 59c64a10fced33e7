import { ChancyError, ConfigError } from '../../core/errors.ts'
import { getSchedules } from '../../plugins/cron/cron.ts'
import type { Call, Topic } from '../call.ts'
import type { Verb } from '../verbs.ts'
import { bulkJson, findBulk } from './bulk-routes.ts'
import { readFailures } from './failure-routes.ts'
import { readGroups } from './group-routes.ts'
import { jobJson } from './job-json.ts'
import { readJobs } from './job-routes.ts'
import { readOverview } from './overview.ts'
import { readQueue, readQueues } from './queue-state.ts'
import { scheduleJson } from './schedule-json.ts'
import { readWorkers } from './worker-routes.ts'
import { readWorkflow } from './workflow-routes.ts'

interface Kind {
  readonly verb: Verb
  readonly seconds: number
  readonly needsAllQueues?: boolean
  /** Whether something stands behind the name, as in `queue:mail`. */
  readonly hasSubject?: boolean
  readonly read: (call: Call, subject: string) => Promise<unknown>
}

const KINDS: Readonly<Record<string, Kind>> = {
  overview: { verb: 'queues.view', seconds: 2, read: readOverview },
  queues: {
    verb: 'queues.view',
    seconds: 2,
    read: async ({ reads, permit }) => ({ items: (await readQueues(reads, permit.scope)).queues }),
  },
  queue: {
    verb: 'queues.view',
    seconds: 2,
    hasSubject: true,
    read: ({ reads, permit }, name) => {
      if (permit.scope.sees(name)) return readQueue(reads, permit.scope, name)
      throw new ChancyError('QUEUE_NOT_FOUND', 'No queue of this name is declared or has jobs.')
    },
  },
  jobs: {
    verb: 'jobs.view',
    seconds: 5,
    hasSubject: true,
    read: (call, filter) => readJobs(call, filter, {}),
  },
  job: {
    verb: 'jobs.view',
    seconds: 1,
    hasSubject: true,
    read: async ({ reads, permit, settings }, id) => {
      const job = await reads.getJob(id)
      if (job !== null && permit.scope.sees(job.queue))
        return jobJson(job, permit.masks, settings.links)
      throw new ChancyError('JOB_NOT_FOUND', `No job has the id ${id}.`)
    },
  },
  bulk: {
    verb: 'bulk.view',
    seconds: 1,
    hasSubject: true,
    read: async (call, id) => bulkJson(await findBulk(call, call.reads, id)),
  },
  workers: {
    verb: 'workers.view',
    seconds: 5,
    read: async (call) => ({ items: await readWorkers(call) }),
  },
  failures: {
    verb: 'failures.view',
    seconds: 5,
    needsAllQueues: true,
    read: (call) => readFailures(call, {}),
  },
  groups: {
    verb: 'queues.view',
    seconds: 5,
    needsAllQueues: true,
    read: (call) => readGroups(call, {}),
  },
  schedules: {
    verb: 'schedules.view',
    seconds: 10,
    read: async ({ reads, permit }) => {
      const found = await getSchedules(reads, { limit: 50 })
      const seen = found.filter(({ job }) => permit.scope.sees(job.queue))
      const items = seen.map((one) => scheduleJson(one, permit.masks))
      return { items, next: null, complete: true, reached: null }
    },
  },
  workflow: {
    verb: 'workflows.view',
    seconds: 2,
    needsAllQueues: true,
    hasSubject: true,
    read: (call, id) => readWorkflow(call, call.reads, id),
  },
}
const MAX_TOPICS = 20

/** The topics of a text such as `queues,job:0198…`; a comma inside of one is written `%2C`. @throws {ConfigError} */
export function topicsOf(text: string): Topic[] {
  const names = [...new Set(text.split(','))]
  if (names.length > MAX_TOPICS)
    throw new ConfigError(`topics: expected at most ${MAX_TOPICS}, got ${names.length}.`)
  return names.map(topicOf)
}

function topicOf(written: string): Topic {
  const name = written.replaceAll(/%2C/gi, ',').replaceAll('%25', '%')
  const [, word = '', subject] = /^([a-z]+)(?::(.*))?$/s.exec(name) ?? []
  const kind = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined
  if (kind === undefined || (kind.hasSubject === true) !== (subject !== undefined)) {
    const known = Object.entries(KINDS).map(([one, { hasSubject }]) =>
      hasSubject ? `${one}:…` : one,
    )
    throw new ConfigError(
      `topics: expected ${known.join(', ')}, got ${JSON.stringify(name.slice(0, 80))}.`,
    )
  }
  return {
    name,
    verb: kind.verb,
    intervalMs: kind.seconds * 1_000,
    needsAllQueues: kind.needsAllQueues === true,
    read: (call) => kind.read(call, subject ?? ''),
  }
}
