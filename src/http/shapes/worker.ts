import {
  flag,
  type Infer,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  text,
  time,
} from '../schema.ts'

const slotsShape = object({ queue: text(), slots: integer(), busy: integer() })

export const workerShape = named(
  'Worker',
  object({
    id: text(),
    label: nullable(text()),
    tags: list(text()),
    queues: list(text()),
    startedAt: time(),
    renewedAt: time(),
    expiresAt: time(),
    /** Whether its lease holds, by the clock of the database. */
    alive: flag(),
    /** Whether it claims nothing, by a pause of its own. */
    paused: flag(),
    isLeader: flag(),
    /** Of its application; null: it says none. */
    version: nullable(text()),
    /** By queue; null: it says none. */
    slots: nullable(list(slotsShape)),
    /** Attempts that ended in the last minute, by second; null: it says none. */
    endedPerSecond: nullable(number()),
    /** CPU time of its process in the last minute, as a share of one processor, without children. */
    cpu: nullable(number()),
    /** Of its process, without children. */
    memoryBytes: nullable(number()),
  }),
)
export type WireWorker = Infer<typeof workerShape>
export const workerListShape = named('WorkerList', object({ items: list(workerShape) }))
export type WireWorkerList = Infer<typeof workerListShape>
