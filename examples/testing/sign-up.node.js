import assert from 'node:assert/strict'
import { after, afterEach, it, mock } from 'node:test'
import { testChancy } from 'chancy/testing'
import { mailer, remind, signUp, welcome } from './sign-up.js'

const t = await testChancy({ jobs: [welcome, remind] })
afterEach(() => t.reset())
after(() => t.close())

const send = mock.method(mailer, 'send', async () => {})

it('welcomes a new user, also after a failure of the mail server', async () => {
  await signUp(t.chancy, 'ada@example.org')
  await t.assertPushed(welcome, { args: { email: 'ada@example.org' }, queue: 'mail' })

  t.failNext(welcome, new Error('smtp is down'))
  const { ran, retrying } = await t.drain()
  assert.deepEqual({ ran, retrying }, { ran: 1, retrying: 1 })

  await t.advance('1m')
  assert.equal((await t.last(welcome)).state, 'succeeded')
  assert.deepEqual(send.mock.calls[0].arguments, ['ada@example.org'])
})
