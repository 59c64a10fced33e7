import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../support/command.ts'
import { startCommand } from '../../support/command-process.ts'
import { databaseUrl, prepareSchema, testSchema } from '../../support/database.ts'
import { until } from '../../support/until.ts'

const schema = testSchema()
const env = { DATABASE_URL: databaseUrl(schema) }
const folder = mkdtempSync(path.join(tmpdir(), 'chancy-dashboard-'))

beforeAll(() => prepareSchema(schema))
afterAll(() => rmSync(folder, { recursive: true }))

const dashboard = (...args: readonly string[]) => ['dashboard', '--schema', schema, ...args]

/** In the place of the program that opens an address: writes it down. */
function opener(): string {
  const file = path.join(folder, 'opened')
  for (const name of ['xdg-open', 'open']) {
    const program = path.join(folder, name)
    writeFileSync(
      program,
      `#!/bin/sh\nprintf %s "$1" > "${file}.part" && mv "${file}.part" "${file}"\n`,
    )
    chmodSync(program, 0o755)
  }
  return file
}

describe('chancy dashboard', () => {
  it('says where it is, opens it, lets in the token alone, and ends by Ctrl+C with an open stream', async () => {
    const file = opener()
    const { child, seen, printed, exited } = startCommand(
      dashboard('--port', '0', '--open', '--token'),
      {
        ...env,
        PATH: `${folder}${path.delimiter}${process.env.PATH}`,
      },
    )
    await printed('out', (text) => text.includes('\n'))
    const [, shown = ''] =
      /^The dashboard is at (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32})\n$/.exec(seen.out) ?? []
    expect(shown).not.toBe('')
    expect(await until(() => (existsSync(file) ? readFileSync(file, 'utf8') : null))).toBe(shown)
    const { origin, searchParams } = new URL(shown)
    const get = (address: string, token: string | null) =>
      fetch(
        `${origin}/${address}`,
        token === null ? {} : { headers: { authorization: `Bearer ${token}` } },
      )
    const token = searchParams.get('token')
    expect((await get('api/v1/session', null)).status).toBe(401)
    expect((await get('api/v1/session', 'another')).status).toBe(401)
    expect(await (await get('api/v1/session', token)).json()).toMatchObject({
      role: 'admin',
      schema,
    })
    const stream = await get('api/v1/events?topics=queues', token)
    expect(stream.status).toBe(200)
    child.kill('SIGINT')
    expect(await exited).toBe(0)
    // The stream ended with it, whether by its end or by its connection's.
    await stream.text().catch(() => '')
    expect(seen.err).toBe('')
  })

  it('listens at the port that is given, and lets in this machine as admin, or to read', async () => {
    const port = await freePort()
    const { child, printed, exited } = startCommand(
      dashboard('--port', String(port), '--read-only'),
      env,
    )
    await printed('out', (text) => text.includes(`http://127.0.0.1:${port}/\n`))
    const session = await fetch(`http://127.0.0.1:${port}/api/v1/session`)
    expect(await session.json()).toMatchObject({ role: 'admin', isReadOnly: true })
    const taken = await runCommand(dashboard('--port', String(port)), { env })
    expect(taken).toMatchObject({
      code: 1,
      err: expect.stringContaining('another process listens on it'),
    })
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  })

  it.each(['0.0.0.0', '::', 'example.org'])(
    'refuses to listen at %s without a token',
    async (host) => {
      const { code, out, err } = await runCommand(dashboard('--host', host, '--port', '0'), { env })
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toContain(`the host "${host}" can be reached from elsewhere`)
    },
  )

  it('listens elsewhere with a token', async () => {
    const interrupt = { when: /The dashboard is at/, signal: 'SIGINT' } as const
    const args = dashboard('--host', '0.0.0.0', '--port', '0', '--token', 'a-token-of-my-own-1234')
    const { code, out } = await runCommand(args, { env, interrupt })
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^The dashboard is at http:\/\/0\.0\.0\.0:\d+\/\?token=a-token-of-my-own-1234\n$/,
      ),
    })
  })

  it.each([
    ['--port', '65536'],
    ['--port', 'http'],
    ['--hosts', 'x'],
  ])('refuses %s %s', async (...args) => {
    expect(await runCommand(dashboard(...args), { env })).toMatchObject({ code: 2, out: '' })
  })
})

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
