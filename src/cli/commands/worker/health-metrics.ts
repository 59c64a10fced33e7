import type { WorkerHealth, WorkerState } from '../../../index.ts'

const STATES: readonly WorkerState[] = [
  'starting',
  'running',
  'doubtful',
  'paused',
  'stopping',
  'stopped',
]

/**
 * What one worker knows of itself, as text for Prometheus.
 *
 * @param isFleetRead whether the figures of the fleet could be read; null where there are none
 */
export function healthMetrics(health: WorkerHealth, isFleetRead: boolean | null): string {
  const { state, leaseMs, running, queues, loopLagMs } = health
  const states = STATES.map((one): [string, number] => [`{state="${one}"}`, one === state ? 1 : 0])
  return [
    gauge('chancy_worker_state', 'The state of this worker: 1 for the one that it is in.', states),
    gauge('chancy_worker_running_attempts', 'Attempts that run in this worker.', running),
    gauge('chancy_worker_queues', 'Queues whose jobs can run in this worker.', queues.length),
    gauge(
      'chancy_worker_lease_seconds',
      'How long the lease of this worker surely holds if it is not renewed.',
      leaseMs / 1_000,
    ),
    gauge(
      'chancy_worker_loop_lag_seconds',
      'The longest delay of the event loop of this worker in the last seconds.',
      loopLagMs / 1_000,
    ),
    ...(isFleetRead === null
      ? []
      : [
          gauge(
            'chancy_worker_fleet_read',
            'Whether this worker could read the metrics of the fleet, which are above if so.',
            isFleetRead ? 1 : 0,
          ),
        ]),
  ].join('')
}

function gauge(
  name: string,
  help: string,
  value: number | readonly (readonly [labels: string, value: number])[],
): string {
  const samples = typeof value === 'number' ? [['', value] as const] : value
  const lines = samples.map(([labels, one]) => `${name}${labels} ${one}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`
}
