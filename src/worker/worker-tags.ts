import { arch, hostname, platform } from 'node:os'

/** What queues choose a worker by: what it says of itself, and what each has. */
export function workerTags(workerId: string, own: readonly string[]): readonly string[] {
  return [
    '*',
    `hostname=${hostname()}`,
    `worker_id=${workerId}`,
    `node=${process.versions.node}`,
    `os=${platform()}`,
    `arch=${arch()}`,
    ...own,
  ]
}
