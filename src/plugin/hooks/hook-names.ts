export const HOOKS = [
  'onPush',
  'beforeAttempt',
  'afterAttempt',
  'onSaved',
  'cleanup',
  'flush',
] as const
export type HookName = (typeof HOOKS)[number] | 'around' | 'lead' | 'isIdle'
