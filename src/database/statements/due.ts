import { statement } from '../statement.ts'

export interface DueRow {
  /** `ends`: ends of steps that are not counted yet, so that others may be ready; of no queue. */
  readonly kind: 'ready' | 'unstaged' | 'blocked' | 'claimed' | 'ends'
  readonly queue: string
}

/** A declared queue, whether anything is due in it or not. */
export interface DeclaredRow {
  readonly kind: 'declared'
  readonly queue: string
  /** The tags that its workers match, as JSON. */
  readonly tags: string
}

/**
 * What a worker has to do now in these queues, given as an array literal like the names it knows; and all declared
 * queues of the same snapshot, which say whether it asked for the right ones.
 */
export const findDue = statement<
  readonly [queues: string, names: string, worker: string],
  (DueRow & { readonly tags: null }) | DeclaredRow
>(
  'find_due',
  (t) => `
    SELECT d.kind, d.queue, NULL::text AS tags
      FROM ${t.fn('due')}($1::text::text[], $2::text::text[], $3::text::uuid) d
     UNION ALL
    (SELECT 'ends', '', NULL FROM ${t.stepEnds} LIMIT 1)
     UNION ALL
    SELECT 'declared', q.name, q.tags::text FROM ${t.queues} q`,
)
