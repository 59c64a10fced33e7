// What a job module finds when it imports the package by its name, in a child.
import { createRequire } from 'node:module'
import { Chancy, DiscardJob, Job, job, Worker } from 'chancy'

const { cache } = createRequire(import.meta.url)
const isWhole = (file) => /[\\/]node_modules[\\/](pg|pino)[\\/]/.test(file)
const loaded = () => Object.keys(cache).filter(isWhole)

export const looks = job({ name: 'looks' }, () => ({ loaded: loaded() }))

export const discards = job({ name: 'discards' }, () => {
  throw new DiscardJob('no use')
})

export const pushes = job({ name: 'pushes' }, async ({ url, schema }) => {
  class Own extends Chancy {}
  const chancy = new Own(url, { schema })
  const reference = await chancy.push(Job.named('looks'))
  await chancy.close()
  return {
    id: reference.id,
    isChancy: [chancy instanceof Own, chancy instanceof Chancy, {} instanceof Chancy],
    hasLoaded: loaded().length > 0,
  }
})

export const works = job({ name: 'works' }, async ({ url }) => {
  const chancy = new Chancy(url, { jobs: new URL(import.meta.url) })
  await new Worker(chancy).start().finally(() => chancy.close())
})
