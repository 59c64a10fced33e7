import { readdirSync, readFileSync } from 'node:fs'

/** Sends a signal to a process and everything that it has started; nothing when they are gone. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch {
    // No such group any more.
  }
}

/** Whether a process of the group still runs. */
export function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0)
  } catch {
    return false
  }
  // In a container without an init zombies stay, and a zombie answers to signals.
  return process.platform !== 'linux' || hasLiving(leader)
}

function hasLiving(group: number): boolean {
  for (const pid of processes()) {
    const fields = fieldsOf(pid)
    if (fields !== null && Number(fields[2]) === group && fields[0] !== 'Z' && fields[0] !== 'X')
      return true
  }
  return false
}

function processes(): string[] {
  return readdirSync('/proc').filter((entry) => entry >= '0' && entry <= ':')
}

/** Processes that had ended and were not reaped when this was asked last. */
let unreaped: ReadonlySet<string> = new Set()

/**
 * Whether processes have ended that this process, as PID 1, would have to reap: Node.js does that for
 * those alone that it has started. Each keeps its process id. Known from the second call on, since its
 * own are not reaped immediately either.
 */
export function hasUnreaped(): boolean {
  if (process.platform !== 'linux' || process.pid !== 1) return false
  const before = unreaped
  const now = processes().filter((pid) => {
    const fields = fieldsOf(pid)
    return fields !== null && fields[0] === 'Z' && fields[1] === '1'
  })
  unreaped = new Set(now)
  return now.some((pid) => before.has(pid))
}

/** The state, parent, group … of a process, or null when it is gone. */
function fieldsOf(pid: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before them may hold spaces and brackets.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** The resident memory of a process on Linux, or null. Not from `statm`, which counts in pages. */
export function residentBytes(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kib = /^VmRSS:\s*(\d+)/m.exec(text)?.[1]
    return kib === undefined ? null : Number(kib) * 1_024
  } catch {
    return null
  }
}

/** Linux counts the time of processes in these, whatever its clock does. */
const TICK_MS = 10

/** The CPU time of a process on Linux, or null. */
export function cpuMs(pid: number): number | null {
  const fields = process.platform === 'linux' ? fieldsOf(`${pid}`) : null
  return fields === null ? null : (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** How often the kernel has killed a process of this control group that was out of memory, or null. */
export function oomKills(): number | null {
  try {
    const text = readFileSync('/sys/fs/cgroup/memory.events', 'latin1')
    return Number(/oom_kill (\d+)/.exec(text)?.[1] ?? Number.NaN)
  } catch {
    return null
  }
}
