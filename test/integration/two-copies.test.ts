import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as chancy from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'

const app = testApplication()
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The same package at another path, as a bundle or another version brings it. */
let folder: string
let other: typeof chancy
beforeAll(async () => {
  folder = mkdtempSync(path.join(root, 'node_modules', '.copy-'))
  cpSync(path.join(root, 'dist'), folder, { recursive: true })
  other = (await import(pathToFileURL(path.join(folder, 'index.js')).href)) as typeof chancy
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('two copies of the package in a process', () => {
  it('are two', () => {
    expect(other.Queue).not.toBe(chancy.Queue)
  })

  it('declare, push, run and end jobs of each other', async () => {
    const ok = other.job({ name: 'ok', limits: [other.Limit.time('1h')] }, () => 'done')
    const discards = other.job({ name: 'discards', maxAttempts: 3 }, () => {
      throw new other.DiscardJob('no use')
    })
    const one = app.chancy({ jobs: [ok, discards] })
    const queue = await one.declare(new other.Queue('default', { executor: 'inline' }))
    expect(queue instanceof other.Queue).toBe(true)
    await app.worker(one)
    const references = [await one.push(ok), await one.push(other.Job.named('discards'))]
    const [first, second] = await one.waitForJobs(references)
    expect(first).toMatchObject({ state: 'succeeded', result: 'done' })
    expect(second).toMatchObject({ state: 'failed', attempts: 1 })
    expect(references[0] instanceof other.Reference).toBe(true)
  })

  it('know the errors and the jobs of each other by instanceof', () => {
    const thrown = (() => {
      try {
        return new other.Queue('')
      } catch (error) {
        return error
      }
    })()
    expect(thrown instanceof chancy.ConfigError).toBe(true)
    expect(thrown instanceof chancy.ChancyError).toBe(true)
    expect(thrown instanceof chancy.NotFoundError).toBe(false)
    expect(new other.DiscardJob('x') instanceof chancy.DiscardJob).toBe(true)
    expect(new other.DiscardJob('x') instanceof chancy.RetryJob).toBe(false)
    expect(other.Job.named('x') instanceof chancy.Job).toBe(true)
    class Own extends chancy.ConfigError {}
    expect(thrown instanceof Own).toBe(false)
    expect(new Own('x') instanceof Own).toBe(true)
    expect(new Own('x') instanceof other.ChancyError).toBe(true)
    expect([null, 7, {}, new Error('x')].some((one) => one instanceof chancy.ChancyError)).toBe(
      false,
    )
  })
})
