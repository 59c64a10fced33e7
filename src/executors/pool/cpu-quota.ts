import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'

/** The text of a file, or null where there is none. */
export type ReadText = (file: string) => string | null

/** Where control groups are mounted, and by which name those of the first version hold the CPUs. */
const MOUNT = '/sys/fs/cgroup'
const FIRST_VERSION = ['cpu', 'cpu,cpuacct', 'cpuacct,cpu']

/**
 * CPUs that this process may use, at least one: those of the machine that it may run on, or fewer
 * where a control group, as a container has one, gives it less time than they have. Node 20 does not
 * read the latter.
 */
export function availableCpus(): number {
  const cpus = availableParallelism()
  const quota = process.platform === 'linux' ? cpuQuota(readText) : null
  return quota === null ? cpus : Math.min(cpus, Math.max(1, Math.floor(quota)))
}

/**
 * The CPU time that a process may use in a time, in CPUs: the least that its control groups allow, or
 * null where none sets a bound. Within a container the path of the group may be the host's, which
 * cannot be seen there, while the container's own group is the root of the mount: so both are read.
 */
export function cpuQuota(read: ReadText): number | null {
  const quotas: number[] = []
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || group === undefined) continue
    const isSecond = controllers === ''
    if (!isSecond && !controllers.split(',').includes('cpu')) continue
    const mounts = isSecond
      ? [MOUNT, `${MOUNT}/unified`]
      : FIRST_VERSION.map((name) => `${MOUNT}/${name}`)
    for (const mount of mounts) {
      for (const folder of foldersTo(group)) {
        const quota = (isSecond ? quotaOfSecond : quotaOfFirst)(read, mount + folder)
        if (quota !== null) quotas.push(quota)
      }
    }
  }
  return quotas.length === 0 ? null : Math.min(...quotas)
}

/** `cpu.max`: the time in each period, or "max", and the period. */
function quotaOfSecond(read: ReadText, folder: string): number | null {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? '').trim().split(/\s+/)
  return ratio(Number(quota), Number(period ?? 100_000))
}

/** The time is -1 where there is no bound. */
function quotaOfFirst(read: ReadText, folder: string): number | null {
  const quota = Number(read(`${folder}/cpu.cfs_quota_us`) ?? Number.NaN)
  return ratio(quota, Number(read(`${folder}/cpu.cfs_period_us`) ?? Number.NaN))
}

function ratio(quota: number, period: number): number | null {
  return quota > 0 && period > 0 ? quota / period : null
}

/** A folder and those above it, up to the root of the mount, which is ''. */
function foldersTo(group: string): string[] {
  const parts = path.posix
    .normalize(group)
    .split('/')
    .filter((part) => part !== '' && part !== '..')
  return [...parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`), '']
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return null
  }
}
