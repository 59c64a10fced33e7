import type { ActionOptions } from '../core/action-options.ts'
import type {
  FailureCounts,
  FailureDetails,
  FailurePage,
  FailureQuery,
} from '../core/failure-group.ts'
import type { FailureActions } from './plugin-offers.ts'

/** Failures of jobs by what they have in common. Needs the plugin `failures`, which is there by default. */
export class Failures {
  readonly #load: () => Promise<FailureActions>

  /** @internal */
  constructor(load: () => Promise<FailureActions>) {
    this.#load = load
  }

  /**
   * A page of groups.
   *
   * @throws {ConfigError}
   * @throws {PluginError} `PLUGIN_MISSING`
   */
  async list(query?: FailureQuery): Promise<FailurePage> {
    return (await this.#load()).list(query)
  }

  /** One group with its hours of 30 days and its queues, or null when there is none. @throws {ConfigError} */
  async get(fingerprint: string): Promise<FailureDetails | null> {
    return (await this.#load()).get(fingerprint)
  }

  /** How many groups are open, muted, resolved, and new. Costs the same however many failures there were. */
  async count(): Promise<FailureCounts> {
    return (await this.#load()).count()
  }

  /** Counts it no longer as new. It stays so when it comes back. @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  async mute(fingerprint: string, options?: ActionOptions): Promise<void> {
    return (await this.#load()).mute(fingerprint, options)
  }

  /** Opens a group that is muted or resolved. @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  async unmute(fingerprint: string, options?: ActionOptions): Promise<void> {
    return (await this.#load()).unmute(fingerprint, options)
  }

  /** Closes a group until it comes back: then it is open, and `again` counts. @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  async resolve(fingerprint: string, options?: ActionOptions): Promise<void> {
    return (await this.#load()).resolve(fingerprint, options)
  }

  /** Writes a note at a group, up to 4,000 bytes; null removes it. @throws {NotFoundError} `FAILURE_NOT_FOUND` */
  async note(fingerprint: string, note: string | null, options?: ActionOptions): Promise<void> {
    return (await this.#load()).note(fingerprint, note, options)
  }
}
