import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { parseRule, type Rule } from '../../core/rule/rule.ts'
import { pruneAudit } from '../../database/statements/audit.ts'
import { type PluginHost, pluginAccess } from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { PluginLoop } from '../../plugin/parts/plugin-loop.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import type { PruneLoopOptions } from './prune-loop.ts'
import type { Pruned } from './prune-once.ts'

export type { Pruned }

declare module '../../events/event-map.ts' {
  interface EventMap {
    /**
     * A pass over the history by the rules has ended in this worker, which leads. `read` rows were compared,
     * `matched` fitted a rule, `removed` are gone.
     */
    'pruner.pruned': {
      readonly read: number
      readonly matched: number
      readonly removed: number
      readonly elapsedMs: number
    }
  }
}

/** Options of `pruner(options)`. */
export interface PrunerOptions {
  /** Which finished jobs are removed before their retention ends: those that fit any of them. Default: none. */
  readonly rules?: readonly Rule[]
  /** How long after a pass the next one begins at the earliest: 1 s to a day. Default: `'1m'`. */
  readonly every?: Duration
  /** How many rows a transaction removes: 1 to 10,000. Default: 1,000. */
  readonly batch?: number
}

/** How long rows of the audit log are kept, in milliseconds: 400 days. */
const AUDIT_KEPT_MS = 34_560_000_000
const PRUNER = 'chancy.pruner'
const DEFAULT_BATCH = 1_000
const MAX_BATCH = 10_000
const [MIN_EVERY_MS, MAX_EVERY_MS] = [1_000, 86_400_000]
const MAX_RULES = 100

/**
 * Removes finished jobs by rules, before the retention of their day has passed, and never less than 10 minutes after
 * their end. There by default, without rules.
 *
 * @throws {ConfigError}
 */
export function pruner(options?: PrunerOptions): Plugin {
  const given = checkOptions(options, ['rules', 'every', 'batch'], 'pruner')
  const everyMs = durationMs(given.every ?? '1m', 'pruner: every')
  if (everyMs < MIN_EVERY_MS || everyMs > MAX_EVERY_MS)
    throw new ConfigError(`pruner: every: expected 1s to 1d, got ${inspect(given.every)}.`)
  const range = { min: 1, max: MAX_BATCH }
  const batch = checkInteger(given.batch ?? DEFAULT_BATCH, 'pruner: batch', range)
  const rules = checkRules(given.rules ?? [])
  return definePlugin({
    name: PRUNER,
    events: ['pruner.pruned'],
    cleanup: async ({ database }, limit) => {
      const [gone] = await database.run(pruneAudit, [AUDIT_KEPT_MS, limit])
      return gone?.removed ?? 0
    },
    loops: rules.length === 0 ? [] : [loopOf({ rules, everyMs, batch })],
    commands: [
      {
        name: 'prune',
        summary: 'remove finished jobs by a rule, or count them',
        details:
          'Only jobs that finished at least 10 minutes ago are removed, in batches, the oldest day first. It asks before it removes more than one.',
        options: {
          where: { type: 'text', summary: 'the rule: "name = tick and age > 1h", or JSON' },
          'dry-run': { type: 'flag', summary: 'count and remove nothing' },
        },
        examples: [
          {
            text: 'How many of the jobs "tick" are older than a day',
            command: `chancy prune --where 'name = tick and age > 1d' --dry-run`,
          },
        ],
        ask: async (access, { where, 'dry-run': dryRun }) => {
          if (dryRun === true) return null
          const { pruneOnce } = await import('./prune-once.ts')
          const { matched } = await pruneOnce(access, ruleGiven(where), true)
          return matched > 1 ? `Remove ${matched} finished jobs?` : null
        },
        run: (access, { where, 'dry-run': dryRun }) => {
          const rule = ruleGiven(where)
          return import('./prune-once.ts').then(({ pruneOnce }) =>
            pruneOnce(access, rule, dryRun === true),
          )
        },
      },
    ],
  })
}

/**
 * Removes finished jobs that fit a rule, and ended at least 10 minutes ago, in batches, the oldest day first. It
 * pauses after each batch for as long as that took.
 *
 * @param options.dryRun Counts them and removes nothing. Default: false.
 * @throws {ConfigError} when it is no rule
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function prune(
  chancy: PluginHost,
  rule: Rule,
  options?: { readonly dryRun?: boolean },
): Promise<Pruned> {
  const { dryRun = false } = checkOptions(options, ['dryRun'], 'prune')
  if (typeof dryRun !== 'boolean')
    throw new ConfigError(`prune: dryRun: expected true or false, got ${inspect(dryRun)}.`)
  const access = pluginAccess(chancy, PRUNER)
  const { pruneOnce } = await import('./prune-once.ts')
  return pruneOnce(access, parseRule(rule), dryRun)
}

/** What reads the history is loaded by the first pass, in the worker that leads. */
function loopOf(options: PruneLoopOptions): PluginLoop {
  let loop: Promise<PluginLoop> | null = null
  return {
    name: 'prune',
    on: 'leader',
    pass: async (context) => {
      loop ??= import('./prune-loop.ts').then(({ pruneLoop }) => pruneLoop(options))
      return (await loop).pass(context)
    },
  }
}

/** Of `--where`. */
function ruleGiven(where: unknown): Rule {
  if (where !== undefined) return parseRule(where)
  throw new ConfigError(
    `prune: --where is missing. It takes a rule, such as --where 'name = tick and age > 1h', or its JSON.`,
  )
}

function checkRules(given: unknown): Rule[] {
  const isList = Array.isArray(given) && given.length <= MAX_RULES
  if (isList) return given.map((one) => parseRule(one))
  throw new ConfigError(
    `pruner: rules: expected an array of at most ${MAX_RULES} rules, such as [rule.name.eq("tick")], got ${inspect(given)}.`,
  )
}
