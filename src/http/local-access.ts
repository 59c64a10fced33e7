import { Permit } from './access.ts'
import type { Masks } from './masks.ts'

/** Who uses this machine owns the database of the application: without `access` that is an admin. */
export function localPermit(masks: Masks): Permit {
  return new Permit({ actor: { id: 'local' }, role: 'admin' }, masks)
}
