/**
 * Generated durable jobs: sequences, `all` and `race` of steps, failures, sleeps, signals and versions, run with crashes
 * at random moments. What each attempt asks for until each result must be what the attempts before it asked for.
 */
import type { DurableContext } from '../../src/core/durable/durable-context.ts'
import { StepError } from '../../src/core/errors.ts'
import { seededRandom } from '../../src/core/seeded-random.ts'
import { signal } from '../../src/core/signal.ts'
import { DurableMemory } from '../../src/testing/durable-memory.ts'
import { type AttemptOptions, attempt } from './durable-attempt.ts'

type Node =
  | { readonly kind: 'step'; readonly name: string; readonly fails: 'never' | 'caught' | 'once' }
  | { readonly kind: 'sleep'; readonly name: string; readonly ms: number }
  | { readonly kind: 'signal'; readonly name: string; readonly timeout: boolean }
  | { readonly kind: 'version'; readonly name: string }
  | { readonly kind: 'seq' | 'all' | 'race' | 'settled'; readonly nodes: readonly Node[] }

type Random = () => number

const go = signal<number>('go')
const LEAVES = 4

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

function leaf(random: Random, next: () => string): Node {
  const name = next()
  switch (pick(random, ['step', 'step', 'step', 'step', 'sleep', 'signal', 'version'])) {
    case 'sleep':
      return { kind: 'sleep', name, ms: pick(random, [0, 1, 1_000, 60_000]) }
    case 'signal':
      return { kind: 'signal', name, timeout: random() < 0.7 }
    case 'version':
      return { kind: 'version', name }
    default: {
      const fails = pick(random, ['never', 'never', 'never', 'caught', 'once'] as const)
      return { kind: 'step', name, fails }
    }
  }
}

function node(random: Random, depth: number, next: () => string): Node {
  if (depth === 0 || random() < 0.3) return leaf(random, next)
  const kind = pick(random, ['seq', 'seq', 'all', 'race', 'settled'] as const)
  const length = 1 + Math.floor(random() * LEAVES)
  return { kind, nodes: Array.from({ length }, () => node(random, depth - 1, next)) }
}

/** What happens in one attempt, in its order. */
type Event = readonly ['asked' | 'given', name: string]

async function turns(random: Random): Promise<void> {
  for (let left = Math.floor(random() * 6); left > 0; left--)
    await new Promise((resolve) => setImmediate(resolve))
}

/** Runs a node and gives what decides the path: the names and values that came, and who won a race. */
async function run(
  ctx: DurableContext,
  tree: Node,
  random: Random,
  failed: Set<string>,
  log: (event: Event) => void,
): Promise<unknown> {
  const asked = async <T>(name: string, call: Promise<T>): Promise<T> => {
    log(['asked', name])
    try {
      const value = await call
      log(['given', name])
      return value
    } catch (error) {
      log(['given', name])
      throw error
    }
  }
  switch (tree.kind) {
    case 'step': {
      const { name, fails } = tree
      const work = async (): Promise<string> => {
        await turns(random)
        if (fails === 'caught') throw new Error(`failed ${name}`)
        // Let through, so that the next attempt tries it again.
        if (fails === 'once' && !failed.has(name)) {
          failed.add(name)
          throw new Error(`failed ${name} once`)
        }
        return name
      }
      const stepping = asked(name, ctx.step(name, work))
      if (fails !== 'caught') return stepping
      return stepping.catch((error: unknown) => {
        if (!(error instanceof StepError)) throw error
        return `caught ${name}`
      })
    }
    case 'sleep':
      await asked(tree.name, ctx.sleep(tree.ms, { name: tree.name }))
      return tree.name
    case 'signal': {
      const { name, timeout } = tree
      if (timeout) return asked(name, ctx.waitForSignal(go, { name, timeout: '1h' }))
      return asked(name, ctx.waitForSignal(go, { name }))
    }
    case 'version':
      return asked(`version ${tree.name}`, ctx.version(tree.name, 2))
    case 'seq': {
      const values: unknown[] = []
      for (const one of tree.nodes) values.push(await run(ctx, one, random, failed, log))
      return values
    }
    case 'all':
      return Promise.all(tree.nodes.map((one) => run(ctx, one, random, failed, log)))
    case 'settled':
      return Promise.allSettled(tree.nodes.map((one) => run(ctx, one, random, failed, log))).then(
        (ends) => ends.map((end) => (end.status === 'fulfilled' ? end.value : 'rejected')),
      )
    case 'race':
      return Promise.race(
        tree.nodes.map(async (one, at) => [at, await run(ctx, one, random, failed, log)]),
      )
    default:
      return tree satisfies never
  }
}

/** What was asked for before each recorded result, by the name of the result. */
function pathOf(events: readonly Event[], recorded: ReadonlySet<string>): Map<string, string> {
  const path = new Map<string, string>()
  const asked: string[] = []
  const given: string[] = []
  for (const [what, name] of events) {
    if (what === 'asked') asked.push(name)
    else {
      // A failure that was let through: it was not recorded, and the attempt ended by it.
      if (!recorded.has(name)) return path
      path.set(name, JSON.stringify([[...asked].sort(), [...given]]))
      given.push(name)
    }
  }
  return path
}

export interface ProgramResult {
  readonly attempts: number
  readonly crashes: number
  readonly records: number
}

export interface ProgramOptions {
  /** How a replay differs from what it should be: of a mutant. */
  readonly mutant?: Pick<AttemptOptions, 'turn'>
}

/** Runs one program to its end. @throws {Error} when an attempt takes another path, or its steps seem to have changed */
export async function runProgram(
  seed: string,
  { mutant = {} }: ProgramOptions = {},
): Promise<ProgramResult> {
  const shape = seededRandom(`shape ${seed}`)
  const chance = seededRandom(`chance ${seed}`)
  let names = 0
  const tree: Node = {
    kind: 'seq',
    nodes: Array.from({ length: 3 }, () => node(shape, 3, () => `n${++names}`)),
  }
  const memory = new DurableMemory('01890000-0000-7000-8000-00000000abcd', 1_000_000)
  const failed = new Set<string>()
  const path = new Map<string, string>()
  let crashes = 0
  for (let attempts = 1; ; attempts++) {
    if (attempts > 500) throw new Error(`program ${seed} does not end`)
    const events: Event[] = []
    let left = chance() < 0.6 ? Math.floor(chance() * 60) : Number.POSITIVE_INFINITY
    let isOver = false
    const crash = (): void => {
      crashes++
      memory.lose()
    }
    // The reply of a save is lost, now and then.
    memory.onSave = () => {
      if (!isOver && chance() < 0.03) crash()
    }
    const beside = async (): Promise<void> => {
      while (!isOver) {
        if (chance() < 0.05) memory.send('go', `${Math.floor(chance() * 100)}`)
        if (--left <= 0) return crash()
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const attempted = attempt(
      memory,
      (ctx) => run(ctx, tree, chance, failed, (event) => events.push(event)),
      { patienceMs: 300, ...(attempts === 1 ? {} : mutant) },
    )
    const besides = beside()
    const end = await attempted
    isOver = true
    await besides
    const recorded = new Set(memory.records.map(({ name }) => name))
    for (const [name, before] of pathOf(events, recorded)) {
      const known = path.get(name)
      if (known === undefined) path.set(name, before)
      else if (known !== before)
        throw new Error(
          `program ${seed}, ${name}: ${before} in attempt ${attempts}, before ${known}`,
        )
    }
    if (end.kind === 'returned') return { attempts, crashes, records: memory.records.length }
    if (end.kind === 'stopped') continue
    if (end.kind === 'threw') {
      if (end.thrown instanceof StepError) continue
      throw end.thrown
    }
    if (end.outcome.kind !== 'parked')
      throw new Error(`program ${seed}: ${JSON.stringify(end.outcome)}`)
    // What it waits for comes, or its time.
    if (!memory.isWoken && memory.nextDueMs !== null) memory.nowMs = memory.nextDueMs
    else if (!memory.isWoken) memory.send('go', '7')
  }
}
