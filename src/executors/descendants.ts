import { readdirSync, readFileSync } from 'node:fs'

/**
 * In the environment of a child stands an id of its own, which everything that it starts inherits:
 * also what leaves its process group, where no signal to the group arrives.
 */
export const CHILD_ID = 'CHANCY_CHILD'

/**
 * Kills the processes that carry the id of a child, except the one to spare, and returns how many
 * there were. Reads every process of the machine, so it is for the end of a child only. Where there
 * is no /proc, none are found.
 */
export function killDescendants(id: string, spare: number | null): number {
  if (process.platform !== 'linux') return 0
  const mark = `${CHILD_ID}=${id}`
  let found = 0
  for (const entry of entriesOf('/proc')) {
    const pid = Number(entry)
    if (!(pid > 0) || pid === spare || !environmentOf(pid).includes(mark)) continue
    found++
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended in between.
    }
  }
  return found
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Empty for zombies, and for processes of other users. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}
