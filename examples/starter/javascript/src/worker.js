import { Worker } from 'chancy'
import { chancy } from './app.js'

// Any number of processes may migrate concurrently.
await chancy.migrate()
const worker = new Worker(chancy)
await worker.start()
await worker.stopped
await chancy.close()
