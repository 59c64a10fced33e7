import type { JobDefinition } from '../../core/definition.ts'
import { serializeError } from '../../core/serialize-error.ts'
import { AroundChain, type AroundFailure, loadAround } from '../around.ts'
import { loadJobs, moduleUrls } from '../job-modules.ts'
import type { ChildConfig } from '../protocol.ts'
import { loaderFor } from './typescript-loader.ts'

/** What a child runs. */
export interface Loaded {
  readonly definitions: Map<string, JobDefinition>
  readonly around: AroundChain | null
}

/**
 * Loads the modules of a child, TypeScript through the loader that goes with them, and reports each job
 * module to the parent before: one that never finishes cannot be reported afterwards. What wraps the jobs
 * is loaded before them.
 */
export async function loadConfigured(
  { jobs, around = [] }: ChildConfig,
  send: (lines: string) => void,
): Promise<Loaded> {
  const urls = await moduleUrls(jobs)
  const loader = loaderFor([...urls, ...around.map(({ module }) => module)])
  if (loader !== null) {
    const { register } = (await import(loader)) as { readonly register: () => void }
    register()
  }
  const onFailure: AroundFailure = (plugin, error) => {
    const fields = { plugin, hook: 'around', err: serializeError(error) }
    send(`l0\t${JSON.stringify(['error', fields, 'plugin hook failed'])}\n`)
  }
  const chain = around.length === 0 ? null : new AroundChain(await loadAround(around, onFailure))
  const definitions = await loadJobs(urls, {
    onLoading: (url) => send(`m\t${JSON.stringify(url)}\n`),
  })
  return { definitions, around: chain }
}
