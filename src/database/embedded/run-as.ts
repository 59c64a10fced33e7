import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The user whom the server runs as. Null: whoever runs this process. */
export type RunAs = { readonly uid: number; readonly gid: number } | null

/** Where a system without an entry for `nobody` has it. */
const NOBODY = 65_534

/**
 * PostgreSQL refuses to run as root. So root runs it as the owner of the data, and new data belongs
 * to `nobody`; no user is created. Anybody else runs it as themselves.
 */
export async function chooseUser(data: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return null
  const owner = await stat(data).catch(() => null)
  return owner !== null && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : nobody()
}

async function nobody(): Promise<RunAs> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, , uid, gid] = /^nobody:.*$/m.exec(users)?.[0].split(':') ?? []
  return { uid: Number(uid ?? NOBODY), gid: Number(gid ?? NOBODY) }
}

/** Says whether `user` may pass through every folder above `path`. */
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
