import { type Profiler, Session } from 'node:inspector/promises'

/** One sample in this many microseconds. */
const SAMPLE_US = 200
const DIST = new URL('../../dist/', import.meta.url).href

/** Time that the client spent in one function itself, without what it called. */
export interface SelfTime {
  /** `worker/claiming/queue-runner.js`, `pg`, `node:net`, or `(garbage collector)`. */
  readonly where: string
  readonly name: string
  readonly us: number
}

export interface CpuProfile {
  /** By whose code it is, the largest first. */
  readonly owners: readonly SelfTime[]
  /** Functions of the built package, the largest first. */
  readonly functions: readonly SelfTime[]
}

/**
 * Samples this thread's stack while `work` runs. A sampled run is slower, so its shares are worth more
 * than its sums. `(program)` is native code, most of it sockets; `(idle)` is waiting.
 */
export async function profiled(work: () => Promise<void>): Promise<CpuProfile> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    await session.post('Profiler.start')
    await work()
    const { profile } = await session.post('Profiler.stop')
    return summed(profile)
  } finally {
    session.disconnect()
  }
}

function summed(profile: Profiler.Profile): CpuProfile {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const owners = new Map<string, SelfTime>()
  const functions = new Map<string, SelfTime>()
  const { samples = [], timeDeltas = [] } = profile
  samples.forEach((id, index) => {
    const frame = nodes.get(id)
    if (frame === undefined) return
    // A delta is the time up to its sample, so a sample lasts until the next one.
    const us = Math.max(0, timeDeltas[index + 1] ?? 0)
    const owner = ownerOf(frame)
    add(owners, owner, { where: owner, name: '', us })
    if (owner !== 'chancy') return
    const where = frame.url.slice(DIST.length)
    const name = frame.functionName || `(anonymous, line ${frame.lineNumber + 1})`
    add(functions, `${where} ${name}`, { where, name, us })
  })
  return { owners: sorted(owners), functions: sorted(functions) }
}

function ownerOf({ url, functionName }: Profiler.Profile['nodes'][number]['callFrame']): string {
  if (url.startsWith(DIST)) return 'chancy'
  if (url.startsWith('node:')) return 'node'
  if (url.includes('/node_modules/')) return url.split('/node_modules/').pop()!.split('/')[0]!
  if (url !== '') return 'bench'
  return functionName.startsWith('(') ? functionName : '(built in)'
}

function add(sums: Map<string, SelfTime>, key: string, more: SelfTime): void {
  sums.set(key, { ...more, us: (sums.get(key)?.us ?? 0) + more.us })
}

function sorted(sums: ReadonlyMap<string, SelfTime>): SelfTime[] {
  return [...sums.values()].sort((a, b) => b.us - a.us)
}
