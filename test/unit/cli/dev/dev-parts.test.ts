import { describe, expect, it } from 'vitest'
import { devText } from '../../../../src/cli/dev/dev-text.ts'
import { failureText, placelessSyntaxError } from '../../../../src/cli/dev/failure-text.ts'
import { jobFolders } from '../../../../src/cli/dev/job-folders.ts'
import { isSamePlace, placeOf } from '../../../../src/cli/program/server-place.ts'
import { plainStyle } from '../../../../src/cli/terminal/style.ts'
import { ConfigError, job } from '../../../../src/index.ts'

describe('The folders of jobs', () => {
  it('are those of modules, and of a glob the one above its first magic name', () => {
    const sources = [
      ...[new URL('file:///app/src/jobs.js'), 'file:///app/src/more.js?v=2', '/lib/jobs/**/*.js'],
      ...['/lib/{a,b}/x.js', 'data:text/javascript,0', job({ name: 'inline' }, () => 1)],
    ]
    expect(jobFolders(sources)).toEqual(['/app/src', '/lib/jobs', '/lib'])
    expect(jobFolders(['jobs/mail.ts'])).toEqual([`${process.cwd()}/jobs`])
  })
})

describe('The place of a server', () => {
  it('is host, port and database, whatever gives it', () => {
    const url = 'postgresql://postgres:secret@127.0.0.1:5433/app'
    const same = [
      'postgres://other@localhost:5433/app',
      { dsn: url, pooler: false },
      { connectionString: url },
      { host: 'localhost', port: 5_433, database: 'app' },
      // These say nothing of where they lead.
      null,
      {},
    ]
    for (const address of same) expect(isSamePlace(address, url), String(address)).toBe(true)
    const others = [
      'postgres://db.example.org:5433/app',
      { host: '127.0.0.1', port: 5_432, database: 'app' },
      { host: '127.0.0.1', port: 5_433, database: 'live' },
    ]
    for (const address of others) expect(isSamePlace(address, url)).toBe(false)
    expect(placeOf(url)).toBe('127.0.0.1:5433/app')
  })
})

describe('Why a worker does not run', () => {
  it('is the message, and where in modules of the project', () => {
    const cause = new Error('no such table')
    cause.stack = [
      'Error: no such table',
      '    at load (file:///app/src/jobs.js:3:7)',
      '    at run (file:///app/node_modules/pg/index.js:1:1)',
      '    at ModuleJob.run (node:internal/modules/esm/module_job:1:1)',
    ].join('\n')
    const error = new ConfigError('jobs: file:///app/src/jobs.js could not be loaded', { cause })
    expect(failureText(error)).toBe(
      [
        'jobs: file:///app/src/jobs.js could not be loaded',
        'no such table',
        '    at load (file:///app/src/jobs.js:3:7)',
      ].join('\n'),
    )
  })

  it('is left to Node for a syntax error that says no place', () => {
    const syntax = new SyntaxError("Unexpected token ','")
    syntax.stack = `${syntax}\n    at compileSourceTextModule (node:internal/modules/esm/utils:1:1)`
    expect(placelessSyntaxError(new ConfigError('not loaded', { cause: syntax }))).toBe(syntax)
    const placed = new SyntaxError('Transform failed\n/app/src/jobs.ts:2:7: ERROR: Unexpected ","')
    expect(placelessSyntaxError(placed)).toBeNull()
    expect(placelessSyntaxError(new Error('no place'))).toBeNull()
  })
})

describe('What dev prints', () => {
  it('names modules from the working directory, three of them at most', () => {
    const modules = ['a.ts', 'b.ts', 'c.ts', 'd.ts', 'e.ts'].map((name) => `/app/src/${name}`)
    expect(devText({ event: 'changed', modules }, plainStyle, '/app')).toBe(
      'src/a.ts, src/b.ts, src/c.ts and 2 more changed, the worker starts again',
    )
  })
})
