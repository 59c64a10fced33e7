import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The user that the server runs as. Null: the user of this process. */
export type RunAs = { readonly uid: number; readonly gid: number } | null

/** The unprivileged user of Unix systems, by its entry, and its number where a system has none. */
const UNPRIVILEGED_ENTRY = /^nobody:.*$/m
const UNPRIVILEGED_ID = 65_534

/**
 * PostgreSQL refuses to run as root. So root runs it as the owner of the data, and new data belongs
 * to the unprivileged user; no user is created. A process of another user runs it as that user.
 */
export async function chooseUser(data: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return null
  const owner = await stat(data).catch(() => null)
  return owner !== null && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : unprivileged()
}

async function unprivileged(): Promise<RunAs> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, , uid, gid] = UNPRIVILEGED_ENTRY.exec(users)?.[0].split(':') ?? []
  return { uid: Number(uid ?? UNPRIVILEGED_ID), gid: Number(gid ?? UNPRIVILEGED_ID) }
}

/** Whether `user` may pass through every folder above `path`. */
export async function canReach(path: string, user: RunAs): Promise<boolean> {
  if (user === null) return true
  let folder = dirname(await realpath(path))
  for (;;) {
    const { uid, gid, mode } = await stat(folder)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (folder === dirname(folder)) return true
    folder = dirname(folder)
  }
}
