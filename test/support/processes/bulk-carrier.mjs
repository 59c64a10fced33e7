// Carries on bulk actions in a process of its own, without running a job. Says when it has done a step.
import { Chancy } from 'chancy'

const { url, schema } = JSON.parse(process.argv[2])
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const chancy = new Chancy(url, { schema, logger: quiet, notifications: false })
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
chancy.on('bulk.stepped', (step) => say({ event: 'stepped', ...step }))
say({ event: 'ready' })
for (;;) {
  // An answer that is lost ends a step and not the process.
  await chancy.bulk.carry().catch((error) => say({ event: 'failed', message: error.message }))
  await new Promise((resolve) => setTimeout(resolve, 100))
}
