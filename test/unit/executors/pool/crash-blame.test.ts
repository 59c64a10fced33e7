import { describe, expect, it } from 'vitest'
import type { StopReason } from '../../../../src/core/stop-request.ts'
import { blameFor } from '../../../../src/executors/pool/crash-blame.ts'

interface Attempt {
  readonly stop: { readonly reason: StopReason | null }
}
const attempt = (reason: StopReason | null = null): Attempt => ({ stop: { reason } })
const one = attempt()
const other = attempt()
const stopped = attempt('cancelled')
const unknown = { culprit: null, killedFor: null }

describe('the end of a child is that of an attempt', () => {
  it.each([
    ['when it was the only one', one, true, unknown, 'its own'],
    ['when the child has reported it', one, false, { ...unknown, culprit: one }, 'its own'],
    ['when the child was killed for it', one, false, { ...unknown, killedFor: one }, 'its own'],
    ['when it had been asked to stop', stopped, false, { ...unknown, culprit: other }, 'its own'],
    ['perhaps, when several had begun', one, false, unknown, 'suspect'],
    ['not when another was reported', one, false, { ...unknown, culprit: other }, 'innocent'],
    [
      'not when it was killed for another',
      one,
      false,
      { ...unknown, killedFor: other },
      'innocent',
    ],
    [
      'not when code of an earlier attempt ended it, even as the only one',
      one,
      true,
      { ...unknown, culprit: 'none of them' },
      'innocent',
    ],
  ] as const)('%s', (_title, which, isOnly, evidence, blame) => {
    expect(blameFor<Attempt>(which, isOnly, evidence)).toBe(blame)
  })
})
