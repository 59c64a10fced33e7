/** Every curve, in the order they are measured. */
export const CURVES = [
  'waiting',
  'finished',
  'queues',
  'idle-queues',
  'workers',
  'waiters',
  'standing-waiters',
  'pinned',
] as const
export type CurveName = (typeof CURVES)[number]

/** What the measured jobs run beside. */
export interface Conditions {
  /** Jobs behind the measured ones in the same queue, that stay there. */
  readonly waiting: number
  /** Rows of today's history. */
  readonly finished: number
  /** Declared queues; every worker works on all of them. */
  readonly queues: number
  /** Over how many of them the measured jobs are spread evenly. */
  readonly busyQueues: number
  /** Worker processes. */
  readonly workers: number
  /** Calls of `waitForJob` on jobs that are spread evenly over the measured ones: all are answered. */
  readonly waiters: number
  /** Calls of `waitForJob` on jobs that no worker runs: they wait until the end. */
  readonly standing: number
}

const PLAIN: Conditions = {
  waiting: 0,
  finished: 0,
  queues: 1,
  busyQueues: 1,
  workers: 1,
  waiters: 0,
  standing: 0,
}

interface Curve {
  readonly axis: string
  readonly at: (value: number) => Conditions
}

/** What the numbers of a curve mean. `pinned` has an axis of time and a file of its own. */
export const CONDITIONS: Readonly<Record<Exclude<CurveName, 'pinned'>, Curve>> = {
  waiting: {
    axis: 'jobs that stay waiting behind the measured ones',
    at: (waiting) => ({ ...PLAIN, waiting }),
  },
  finished: {
    axis: 'finished jobs in the history of today',
    at: (finished) => ({ ...PLAIN, finished }),
  },
  queues: {
    axis: 'queues, the jobs spread over all',
    at: (queues) => ({ ...PLAIN, queues, busyQueues: queues }),
  },
  'idle-queues': {
    axis: 'queues, the jobs in one of them',
    at: (queues) => ({ ...PLAIN, queues }),
  },
  workers: { axis: 'worker processes', at: (workers) => ({ ...PLAIN, workers }) },
  waiters: {
    axis: 'calls of waitForJob, on every n-th measured job',
    at: (waiters) => ({ ...PLAIN, waiters }),
  },
  'standing-waiters': {
    axis: 'calls of waitForJob that are not answered',
    at: (standing) => ({ ...PLAIN, standing }),
  },
}
