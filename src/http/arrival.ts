import type { Address } from './address.ts'
import type { Peer } from './peer.ts'

/** A request on its way: what is known of it so far. */
export interface Arrival {
  readonly request: Request
  readonly peer: Peer
  readonly requestId: string
  readonly address: Address
}
