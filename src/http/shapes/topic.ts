import { type Infer, json, list, named, nullable, object, text, time } from '../schema.ts'
import type { WireBulk } from './bulk.ts'
import type { WireFailure } from './failure.ts'
import type { WireGroup } from './group.ts'
import type { WireJob, WireJobRow } from './job.ts'
import type { WireOverview } from './overview.ts'
import type { WirePage } from './page.ts'
import type { WireQueue, WireQueueList } from './queue.ts'
import type { WireSchedule } from './schedule.ts'
import type { WireWorkerList } from './worker.ts'
import type { WireWorkflow } from './workflow.ts'

/**
 * One message of the event `topic` of `GET /events`: the whole state of a topic. With `once=1` the answer is
 * `TopicList`.
 */
export const topicShape = named(
  'TopicState',
  object({
    topic: text(),
    /** When it was read. */
    at: time(),
    /** As the `GET` of the topic answers; null: it is not there, and `problem` says why. */
    data: json(),
    problem: nullable(object({ code: text(), detail: nullable(text()) })),
  }),
)
export const topicListShape = named('TopicList', object({ items: list(topicShape) }))

/** What the data of a topic is. */
export interface WireTopics {
  readonly overview: WireOverview
  readonly queues: WireQueueList
  readonly workers: WireWorkerList
  readonly failures: WirePage<WireFailure>
  readonly schedules: WirePage<WireSchedule>
  readonly groups: WirePage<WireGroup>
  readonly [queue: `queue:${string}`]: WireQueue
  readonly [jobs: `jobs:${string}`]: WirePage<WireJobRow>
  readonly [job: `job:${string}`]: WireJob
  readonly [bulk: `bulk:${string}`]: WireBulk
  readonly [workflow: `workflow:${string}`]: WireWorkflow
}

/** A message of a topic. */
export interface WireTopic<Data = unknown> extends Omit<Infer<typeof topicShape>, 'data'> {
  readonly data: Data | null
}
