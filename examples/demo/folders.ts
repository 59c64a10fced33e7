/** How many files of one top-level folder were read concurrently, by the stored times. */
import type { Report } from './check.ts'
import { shown, toFilePath } from './file-path.ts'
import { number } from './progress-bar.ts'
import type { Stored } from './stored-results.ts'

/** Files of one folder that are read concurrently, at most, whatever the queue. */
export const MAX_IN_FOLDER = 32

const SLASH = 47

/** The top-level folder of a file; what is in the directory itself is under ".". */
export function folderOf(path: Buffer, directory: Buffer): string {
  const below = path.subarray(directory.length).subarray(path[directory.length] === SLASH ? 1 : 0)
  const end = below.indexOf(SLASH)
  if (end < 0) return '.'
  const name = below.subarray(0, end)
  const { path: text } = toFilePath(name)
  // Escaped in the name of a group, it could be longer than one may be.
  return /\p{Cc}/u.test(text) ? name.toString('base64') : text
}

export function checkFolders(stored: Iterable<Stored>): Report {
  const folders = new Map<string, Stored[]>()
  const report: Report = { lines: [], faults: [] }
  for (const file of stored) {
    if (file.group === null) {
      report.faults.push(`${shown(file.path)} was stored without its group`)
      continue
    }
    const files = folders.get(file.group)
    if (files === undefined) folders.set(file.group, [file])
    else files.push(file)
  }
  let highest = 0
  for (const [group, files] of folders) {
    const together = mostAtOnce(files)
    highest = Math.max(highest, together)
    if (together > MAX_IN_FOLDER) {
      report.faults.push(`${JSON.stringify(group)} had ${together} files concurrently`)
    }
  }
  const verdict = highest <= MAX_IN_FOLDER ? 'ok   ' : 'WRONG'
  report.lines.push(
    `  ${verdict} most concurrently in one of ${number(folders.size)} folders: ${highest}, of ${MAX_IN_FOLDER} allowed`,
  )
  return report
}

/** Where one ends in the millisecond in which another starts, it had made way for it. */
function mostAtOnce(files: readonly Stored[]): number {
  const steps = files.flatMap(({ startedAt, finishedAt }) => {
    if (startedAt === null || finishedAt === null) return []
    return [
      { at: startedAt.getTime(), by: 1 },
      { at: finishedAt.getTime(), by: -1 },
    ]
  })
  steps.sort((a, b) => a.at - b.at || a.by - b.by)
  let running = 0
  let most = 0
  for (const { by } of steps) {
    running += by
    most = Math.max(most, running)
  }
  return most
}
