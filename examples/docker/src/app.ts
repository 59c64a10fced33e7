import { Chancy } from 'chancy'

if (process.env.DATABASE_URL === undefined) throw new Error('Set DATABASE_URL.')

export const chancy = new Chancy(process.env.DATABASE_URL, {
  jobs: new URL('./jobs.js', import.meta.url),
})
