import { Chancy, job } from 'chancy'

export const welcome = job(
  { name: 'welcome' },
  ({ email }: { email: string }) => `sent to ${email}`,
)

export const chancy = new Chancy(process.env.DATABASE_URL ?? 'postgres://localhost/app', {
  jobs: welcome,
})
