import { job } from 'chancy'

/** What ran around it, as far as it has come. */
export const wrapped = job({ name: 'wrapped', maxAttempts: 1 }, () => {
  const trail = globalThis.trail ?? []
  globalThis.trail = []
  return trail
})
export const failing = job({ name: 'failing', maxAttempts: 1 }, () => {
  globalThis.trail = []
  throw new Error('of the job')
})
