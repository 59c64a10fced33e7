import type { AppInternals } from '../app/app-internals.ts'
import type { JobDefinition } from '../core/definition.ts'
import { ConfigError } from '../core/errors.ts'
import { AroundChain, loadAround } from '../executors/around.ts'
import { isChild } from '../executors/child-mark.ts'
import { loadJobs, SLOW_MODULE } from '../executors/job-modules.ts'

/** What a worker runs, loaded into its process. */
export interface LoadedJobs {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  /** What plugins put around the functions of jobs that run in this process. */
  readonly around: AroundChain | null
}

/** @throws {ConfigError} in a child of a worker, without a job function, or for a module that cannot be loaded */
export async function loadJobsOf({ jobs, plugins, log }: AppInternals): Promise<LoadedJobs> {
  if (isChild()) {
    throw new ConfigError(
      'A worker was started inside a child of a worker, by a job module: every child would start children of its own. Start the worker in a module that holds no jobs.',
    )
  }
  const definitions = await loadJobs(jobs, {
    onSlow: (module) => log.warn({ module }, SLOW_MODULE),
  })
  if (definitions.size === 0) {
    throw new ConfigError(
      'This worker knows no job function. Give them to the Chancy: new Chancy(dsn, { jobs: new URL("./jobs.js", import.meta.url) }).',
    )
  }
  if (plugins.around.length === 0) return { definitions, around: null }
  const loaded = await loadAround(plugins.around, (plugin, cause) => {
    throw new ConfigError(`The plugin "${plugin}": around: ${(cause as Error).message}.`, { cause })
  })
  return { definitions, around: new AroundChain(loaded) }
}
