/**
 * What a long-running part owes: `start` resolves when it does its work, `stop` when all of it is
 * done. Both may be called twice, and `stop` without `start`.
 */
export interface Service {
  start(): Promise<void> | void
  stop(): Promise<void>
}
