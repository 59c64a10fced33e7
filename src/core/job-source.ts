import type { AnyJobFunction } from './job.ts'

/**
 * A module as a URL, a path or a glob (relative to the working directory), or a job function itself.
 * Functions run only `inline`: a child has no module to load them from.
 */
export type JobSource = string | URL | AnyJobFunction
