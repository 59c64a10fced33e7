import { job } from 'chancy'

export const flaky = job({ name: 'flaky', maxAttempts: 2, backoff: { base: 1 } }, (_, context) => {
  if (context.attempt === 1) throw new Error('The first attempt fails.')
})
