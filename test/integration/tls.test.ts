import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chancy } from 'chancy'
import { type EmbeddedPostgres, embeddedPostgres } from 'chancy/embedded-postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const UNPRIVILEGED_ID = 65_534
const NO_OPENSSL = 'skipped: openssl is not installed, so that no certificate can be made'

const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

it.skipIf(hasOpenssl)(`TLS is ${NO_OPENSSL}`, (context) => {
  context.skip(NO_OPENSSL)
})

describe.runIf(hasOpenssl)('A DSN of a server with TLS', () => {
  let home: string
  let server: EmbeddedPostgres
  let address: URL

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'chancy-tls-'))
    await chmod(home, 0o711)
    const [key, certificate] = [join(home, 'server.key'), join(home, 'server.crt')]
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    })
    await chmod(key, 0o600)
    if (process.getuid?.() === 0) await chown(key, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    const settings = { ssl: 'on', ssl_key_file: key, ssl_cert_file: certificate }
    server = embeddedPostgres({ directory: join(home, 'database'), settings })
    await run(`CREATE ROLE unasked LOGIN`)
    const file = join(home, 'database', 'data', 'pg_hba.conf')
    await writeFile(file, `host all unasked all trust\n${await readFile(file, 'utf8')}`)
    await run('SELECT pg_reload_conf()')
    address = new URL(await server.url())
    address.hostname = 'localhost'
  })
  afterAll(async () => {
    await server?.close()
    await rm(home, { recursive: true, force: true })
  })

  const run = (text: string) => server.query({ text, values: [] })
  const connect = async (query: string, change: (url: URL) => void = () => {}): Promise<void> => {
    const url = new URL(address)
    url.search = query.replace('$ca', join(home, 'server.crt'))
    change(url)
    await using chancy = new Chancy(url.href, { notifications: false, pushDeadline: '10s' })
    await chancy.isUpToDate()
  }

  it.each([
    'sslmode=require&sslrootcert=$ca',
    'sslmode=verify-full&sslrootcert=$ca&channel_binding=require',
    'sslrootcert=$ca&channel_binding=prefer',
    'sslmode=require&sslrootcert=$ca&sslnegotiation=direct',
    'sslmode=no-verify',
    'sslmode=require&uselibpqcompat=true',
    'sslmode=disable',
  ])('%s connects', async (query) => {
    await connect(query)
  })

  it('sslmode=require refuses a certificate that no known authority signed', async () => {
    await expect(connect('sslmode=require')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('sslrootcert'),
    })
  })

  it('sslmode=require refuses a certificate of another name', async () => {
    const other = (url: URL) => {
      url.hostname = '127.0.0.1'
    }
    await expect(connect('sslmode=require&sslrootcert=$ca', other)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  it('channel_binding=require refuses a server that does not require a proof', async () => {
    const unasked = (url: URL) => {
      url.username = 'unasked'
    }
    await connect('sslrootcert=$ca&channel_binding=prefer', unasked)
    await expect(connect('sslrootcert=$ca&channel_binding=require', unasked)).rejects.toMatchObject(
      {
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('no proof of the password'),
      },
    )
  })
})
