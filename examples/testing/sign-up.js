import { job } from 'chancy'

/** Sends mail. A test replaces its method. */
export const mailer = {
  async send(to) {
    throw new Error(`there is no mail server to send to ${to}`)
  },
}

export const welcome = job(
  { name: 'welcome', queue: 'mail', maxAttempts: 3 },
  async ({ email }) => {
    await mailer.send(email)
    return { sentTo: email }
  },
)

export const remind = job({ name: 'remind' }, async ({ email }) => {
  await mailer.send(email)
})

/** Pushes the mail of today and the one of next week. */
export async function signUp(chancy, email) {
  await chancy.push(welcome.job.withArgs({ email }))
  await chancy.push(remind.job.withArgs({ email }).withDelay('7d'))
}
