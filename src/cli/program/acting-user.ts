import { userInfo } from 'node:os'
import type { ActionOptions } from '../../index.ts'

/** The user of the machine acts. */
export function actingUser(reason?: string): ActionOptions {
  const { username } = userInfo()
  return { actor: { id: `cli:${username}`, name: username }, reason }
}
