// Pushes a job whose first attempt fails, and shows what the plugin has kept of it.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'chancy'
import chancy from './app.ts'
import { entries } from './audit.ts'
import { flaky } from './jobs.ts'

await chancy.migrate()
const written = new Promise((resolve) => chancy.on('acme.audit.written', resolve))
const worker = new Worker(chancy)
await worker.start()
await chancy.waitForJob(await chancy.push(flaky))
console.log('event:', await written)
for (const { job, error } of await entries(chancy)) console.log(`${job}: ${error}`)
await worker.stop()
await chancy.close()

const app = fileURLToPath(new URL('./app.ts', import.meta.url))
const command = fileURLToPath(import.meta.resolve('chancy').replace('index.js', 'cli/main.js'))
const printed = (...args: string[]): string =>
  String(execFileSync(process.execPath, [command, '--app', app, ...args])).trim()
console.log(printed('attempts', 'failed'))
console.log(printed('check-migrations'))
