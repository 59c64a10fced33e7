/** Recovered jobs become ready within this long, in milliseconds, and not at the same time. */
export const RECOVERY_SPREAD_MS = 1_000
