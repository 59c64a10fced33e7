import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The running processes that were started with `directory` or work inside of it. Linux only. */
export function processesOf(directory: string): { pid: number; command: string }[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return pids.flatMap((pid) => {
    try {
      // Empty for a process that has ended and was not waited for.
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      const isIts =
        command.includes(directory) || readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
      return isIts && command !== '' && Number(pid) !== process.pid
        ? [{ pid: Number(pid), command }]
        : []
    } catch {
      return []
    }
  })
}

/** The supervisor of the server in `directory`, and the server itself. */
export function supervisorAndServer(directory: string): { supervisor: number; server: number } {
  const found = processesOf(directory)
  const pidOf = (part: string) => found.find(({ command }) => command.includes(part))?.pid ?? 0
  return { supervisor: pidOf('supervisor.js'), server: pidOf('bin/postgres') }
}
