import type { ChildAge, RecyclePolicy } from './recycle-policy.ts'

/** A child, for the question whether it is still of use. */
export interface RetirableChild extends ChildAge {
  readonly isIdle: boolean
  readonly activeAt: number
  readonly tenant: { readonly policy: RecyclePolicy } | null
}

/** It has run as many jobs as it is to run. */
export function isSpent(child: RetirableChild, now: number): boolean {
  return child.tenant?.policy.isDue(child, now) ?? false
}

/** The child that one which is ready now replaces, or null. */
export function replacedBy<C extends RetirableChild>(
  ready: C,
  children: Iterable<C>,
  now: number,
): C | null {
  for (const child of children) if (child !== ready && isSpent(child, now)) return child
  return null
}

/** Whether one of these busy children is so near its end that its successor has to be started now. */
export function needsSuccessor(
  children: Iterable<RetirableChild & { readonly attempts: { readonly size: number } }>,
  now: number,
): boolean {
  for (const child of children) {
    if (child.attempts.size > 0 && child.tenant!.policy.isSoonDue(child, now)) return true
  }
  return false
}

/** Of idle children the one that has been idle longest, or null. */
export function longestIdle<C extends RetirableChild>(children: readonly C[]): C | null {
  const idle = children.filter(({ isIdle }) => isIdle)
  return idle.sort((a, b) => a.activeAt - b.activeAt)[0] ?? null
}
