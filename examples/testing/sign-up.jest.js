import { afterAll, afterEach, expect, it, jest } from '@jest/globals'
import { testChancy } from 'chancy/testing'
import { mailer, remind, signUp, welcome } from './sign-up.js'

const t = await testChancy({ jobs: [welcome, remind] })
afterEach(() => t.reset())
afterAll(() => t.close())

const send = jest.spyOn(mailer, 'send').mockResolvedValue()

it('welcomes a new user, also after a failure of the mail server', async () => {
  await signUp(t.chancy, 'ada@example.org')
  await t.assertPushed(welcome, { args: { email: 'ada@example.org' }, queue: 'mail' })

  t.failNext(welcome, new Error('smtp is down'))
  expect(await t.drain()).toMatchObject({ ran: 1, retrying: 1 })

  await t.advance('1m')
  expect((await t.last(welcome)).state).toBe('succeeded')
  expect(send).toHaveBeenCalledWith('ada@example.org')
})
