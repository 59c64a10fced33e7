// An application whose job says how it is pushed.
import { Chancy, job } from 'chancy'

const mail = job({ name: 'mail', queue: 'post', priority: 7, maxAttempts: 4 }, () => null)

export default new Chancy(process.env.TEST_URL, {
  schema: process.env.TEST_SCHEMA,
  jobs: mail,
  defaultPlugins: false,
})
