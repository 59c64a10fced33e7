import type { BulkCarrier } from '../../app/bulk/bulk-carrier.ts'
import type { PeriodicTask } from '../../services/periodic.ts'

/** Carries on bulk actions, step by step. What does so is loaded when the worker starts. */
export class BulkService implements PeriodicTask {
  readonly name = 'carrying on bulk actions'
  readonly every = '2s'
  readonly wakeOn = ['bulk.changed'] as const
  readonly #load: () => Promise<BulkCarrier>

  constructor(load: () => Promise<BulkCarrier>) {
    this.#load = load
  }

  async pass(): Promise<number> {
    return (await this.#load()).pass()
  }
}
