import { chancy } from './app.js'
import { greet } from './jobs.define.js'

const reference = await chancy.push(greet.job.withArgs({ name: 'Ada' }))
const done = await chancy.waitForJob(reference)
console.log(done.state, done.result)
await chancy.close()
