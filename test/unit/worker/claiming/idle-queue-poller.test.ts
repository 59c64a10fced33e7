import { describe, expect, it } from 'vitest'
import { scannedTogether } from '../../../../src/worker/claiming/idle-queue-poller.ts'

const queues = (counts: Readonly<Record<'due' | 'near' | 'early', number>>) =>
  (['due', 'near', 'early'] as const).flatMap((dueness) =>
    Array.from({ length: counts[dueness] }, (_, n) => [`${dueness}-${n}`, dueness] as const),
  )

describe('the next scan of idle queues', () => {
  it('takes those along that are near to it, so that no few of them poll by themselves', () => {
    const due = scannedTogether(queues({ due: 3, near: 5, early: 2 }))
    expect(due).toEqual([
      'due-0',
      'due-1',
      'due-2',
      'near-0',
      'near-1',
      'near-2',
      'near-3',
      'near-4',
    ])
  })

  it('waits until one is due', () => {
    expect(scannedTogether(queues({ due: 0, near: 40, early: 0 }))).toEqual([])
  })

  it('leaves less than eight to poll by themselves', () => {
    expect(scannedTogether(queues({ due: 3, near: 4, early: 90 }))).toEqual([])
  })
})
