// An application whose jobs push others, and hang until they are asked to stop.
import { Chancy, job } from 'chancy'

export const chain = job({ name: 'chain' }, async ({ left = 0 }) => {
  if (left > 0) await chancy.push(chain.job.withArgs({ left: left - 1 }))
})
export const hang = job({ name: 'hang' }, (_, { signal }) => {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
})
const chancy = new Chancy(process.env.WORKING_DSN, {
  schema: process.env.WORKING_SCHEMA,
  jobs: [chain, hang],
})
export default chancy
