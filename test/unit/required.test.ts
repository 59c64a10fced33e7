import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

it('a program of CommonJS requires the package, and nothing but its own lines is printed', () => {
  const program = `
    const { Chancy, job } = require('chancy')
    const { cron } = require('chancy/plugins/cron')
    console.log(typeof Chancy, typeof job, typeof cron)`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    cwd,
    encoding: 'utf8',
  })
  expect({ stdout, status }).toEqual({ stdout: 'function function function\n', status: 0 })
  // Node may warn there that a module of ES was required.
  expect(stderr.split('\n').filter((line) => /error/i.test(line))).toEqual([])
})

it('a class that is required is the class that is imported, also by a deep path', () => {
  const program = `
    const { ConfigError } = require('chancy')
    import('chancy').then(async (whole) => {
      const deep = await import('./dist/core/errors.js')
      console.log(whole.ConfigError === ConfigError, deep.ConfigError === ConfigError)
    })`
  const out = execFileSync(process.execPath, ['-e', program], { cwd, encoding: 'utf8' })
  expect(out).toBe('true true\n')
})
