import { setTimeout as sleep } from 'node:timers/promises'
import { job } from 'chancy'

export const nap = job({ name: 'nap' }, async ({ ms = 2 }) => {
  await sleep(ms)
})
