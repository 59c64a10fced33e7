import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { testChancy } from 'chancy/testing'
import { greet } from './jobs.js'

// A server of its own, in a temporary directory. Jobs run inside drain() and advance() alone, in this process.
const server = embeddedPostgres()
const t = await testChancy({ jobs: greet, database: server })

afterEach(() => t.reset())
after(async () => {
  await t.close()
  await server.close()
})

test('greet greets by name', async () => {
  const reference = await t.chancy.push(greet.job.withArgs({ name: 'Ada' }))
  await t.assertPushed(greet, { args: { name: 'Ada' } })
  assert.equal((await t.drain()).succeeded, 1)
  assert.equal((await t.chancy.getJob(reference))?.result, 'Hello, Ada!')
})
