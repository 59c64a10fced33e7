import { Worker } from 'chancy'
import { chancy } from './app.js'

const worker = new Worker(chancy)
await worker.start()
await worker.stopped
await chancy.close()
