// Pushes, works or migrates, and ends. What it loaded is in the folder of NODE_V8_COVERAGE.
import { Chancy, job, Queue, Worker } from 'chancy'

const [url, schema, task] = process.argv.slice(2)
const hello = job({ name: 'hello' }, () => 'done')
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const chancy = new Chancy(url, { schema, jobs: [hello], logger })
if (task === 'migrate') await chancy.migrate()
else {
  const worker = task === 'work' ? new Worker(chancy) : null
  if (worker !== null) {
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await worker.start()
  }
  const reference = await chancy.push(hello.job)
  const stored =
    worker === null ? await chancy.getJob(reference) : await chancy.waitForJob(reference)
  console.log(JSON.stringify(stored.state))
  await worker?.stop()
}
await chancy.close()
