import { machineMs } from './clock.ts'

/**
 * Until when attempts may begin: as long as the lease of their worker surely holds. Between the claim
 * and the beginning an attempt waits in several places, and a process that was suspended meanwhile, or a
 * database that was away, may have cost the lease: then it runs elsewhere by now.
 */
export interface BeginPermit {
  /** By the monotonic clock of the machine: see `machineMs`. */
  readonly untilMs: number
}

/** Without a permit there is no lease to lose. */
export function mayBegin({ permit }: { readonly permit?: BeginPermit | undefined }): boolean {
  return permit === undefined || machineMs() < permit.untilMs
}
