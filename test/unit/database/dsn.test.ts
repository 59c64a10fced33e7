import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { type Dsn, parseDsn } from '../../../src/database/drivers/dsn.ts'
import { redactDsn } from '../../../src/database/drivers/redact-dsn.ts'

const parse = (text: string, environment = {}): Dsn => parseDsn(text, 'The DSN', environment)

const messageOf = (text: string, environment = {}): string => {
  try {
    parse(text, environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  throw new Error('It was accepted')
}

describe('A DSN', () => {
  it.each<[string, string]>([
    ['postgres://localhost/app', 'localhost:5432'],
    ['postgresql:///app', 'localhost:5432'],
    ['postgres://db1:6001,db2:6002/app', 'db1:6001 db2:6002'],
    ['postgres://db1,db2:6002/app', 'db1:5432 db2:6002'],
    ['postgres://u:p@db1,db2/app?port=6001', 'db1:6001 db2:6001'],
    ['postgresql:///app?host=db1,db2&port=6001,6002', 'db1:6001 db2:6002'],
    ['postgres://[::1]:6001,[fe80::1]/app', '::1:6001 fe80::1:5432'],
    ['postgres://%2Frun%2Fpostgresql/app', '/run/postgresql:5432'],
    ['postgresql:///app?host=/run/a,/run/b', '/run/a:5432 /run/b:5432'],
    ['/run/postgresql app', '/run/postgresql:5432'],
    ['socket:///run/postgresql?db=app', '/run/postgresql:5432'],
  ])('%s names the hosts %s', (text, hosts) => {
    const dsn = parse(text)
    expect(dsn.hosts.map(({ host, port }) => `${host}:${port}`).join(' ')).toBe(hosts)
    expect(dsn.settings.database).toBe('app')
  })

  it('returns every character of a password and of options', () => {
    expect(parse('postgres://a:p%40s%2Fs+%#w@h/d').settings.password).toBe('p@s/s+%#w')
    expect(parse('postgres://a@h/d?password=b%26c').settings.password).toBe('b&c')
    const options = parse('postgres://h/d?options=-c%20work_mem%3D4MB').settings.options
    expect(options).toBe('-c work_mem=4MB')
  })

  it('takes what it does not say from the variables of libpq, and nothing else', () => {
    const environment = {
      PGHOST: 'db1,db2',
      PGPORT: '6001',
      PGUSER: 'ada',
      PGPASSWORD: 'secret',
      PGDATABASE: 'app',
      PGTARGETSESSIONATTRS: 'primary',
      PGSSLMODE: 'disable',
      DATABASE_URL: 'postgres://elsewhere/',
    }
    const dsn = parse('postgres://', environment)
    expect(dsn).toMatchObject({
      hosts: [
        { host: 'db1', port: 6001 },
        { host: 'db2', port: 6001 },
      ],
      target: 'primary',
      settings: { user: 'ada', password: 'secret', database: 'app', ssl: false },
    })
    const said = parse('postgres://bob:word@db3:6003/jobs', environment)
    expect(said.hosts).toEqual([{ host: 'db3', port: 6003 }])
    expect(said.settings).toMatchObject({ user: 'bob', password: 'word', database: 'jobs' })
  })

  it.each<[string, ...string[]]>([
    ['postgres://h:1,k:2,l/d?port=1,2', '3 hosts and 2 ports'],
    ['postgres://h/d?sslmode=allow', 'sslmode=allow', 'require', 'disable'],
    ['postgres://h/d?sslmode=full', 'sslmode=full', 'verify-full'],
    ['postgres://h/d?target_session_attrs=standby', 'every call writes', 'read-write'],
    ['postgres://h/d?target_session_attrs=prefer-standby', 'every call writes'],
    ['postgres://h/d?target_session_attrs=master', 'any, read-write or primary'],
    ['postgres://h/d?load_balance_hosts=yes', 'disable or random'],
    ['postgres://h/d?channel_binding=yes', 'disable, prefer or require'],
    ['postgres://h/d?channel_binding=require&sslmode=disable', 'needs TLS', 'sslmode=require'],
    ['postgres://h/d?sslnegotiation=direct&sslmode=disable', 'needs TLS'],
    ['postgres://h/d?sslnegotiation=later', 'postgres or direct'],
    ['postgres://h/d?sslrootcert=/no/such/file', '/no/such/file', 'ENOENT'],
    ['postgres://h/d?connect_timeout=soon', 'connect_timeout=soon', 'whole number'],
    ['postgres://h/d?gssencmode=require', 'gssencmode=require', 'GSSAPI'],
    ['postgres://h/d?client_encoding=latin1', 'UTF8'],
    ['postgres://h/d?sslsni=0', 'sslsni=0'],
    ['postgres://h/d?hostaddr=10.0.0.1', '"hostaddr"', 'as the host'],
    ['postgres://h/d?service=app', '"service"'],
    ['postgres://h/d?passfile=/x', '"passfile"', '.pgpass'],
    ['postgres://h/d?require_auth=scram-sha-256', '"require_auth"', 'pgDriver'],
    ['postgres://h/d?tcp_user_timeout=5', '"tcp_user_timeout"'],
    ['postgres://h/d?requirepeer=postgres', '"requirepeer"'],
    ['postgres://h/d?sslcertmode=require', 'sslcertmode'],
    ['postgres://h/d?replication=database', '"replication"'],
    ['postgres://h/d?pgbouncer=true', '"pgbouncer"', "pooler: 'transaction'"],
    ['postgres://h/d?schema=jobs', '"schema"', "schema: '…'"],
    ['postgres://h/d?constructor=x', '"constructor"'],
  ])('%s is refused with a reason', (text, ...says) => {
    const message = messageOf(text)
    for (const words of says) expect(message).toContain(words)
  })

  it.each([
    'gssencmode=disable',
    'client_encoding=UTF8',
    'sslcompression=0',
    'keepalives=1&keepalives_idle=5',
    'max_protocol_version=3.0',
    'load_balance_hosts=random',
    'sslmode=verify-full&sslrootcert=system',
    'statement_timeout=500&application_name=x&connect_timeout=3',
  ])('%s is accepted', (query) => {
    expect(() => parse(`postgres://h/d?${query}`)).not.toThrow()
  })

  it('encrypts as the mode says', () => {
    const tls = (query: string) => parse(`postgres://h/d?${query}`).settings.ssl
    expect(tls('')).toBe(false)
    expect(tls('sslmode=disable')).toBe(false)
    expect(tls('sslmode=require')).toEqual({})
    expect(tls('ssl=true')).toEqual({})
    expect(tls('sslmode=no-verify')).toEqual({ rejectUnauthorized: false })
    expect(tls('sslmode=require&uselibpqcompat=true')).toEqual({ rejectUnauthorized: false })
    expect(tls('sslmode=verify-full&ssl_min_protocol_version=TLSv1.3')).toEqual({
      minVersion: 'TLSv1.3',
    })
    expect(tls('sslnegotiation=direct')).toEqual({})
    expect(tls('channel_binding=require')).toEqual({})
  })
})

describe('redactDsn', () => {
  it.each([
    ['postgres://ada:secret@localhost:1/app', 'postgres://ada:***@localhost:1/app'],
    ['postgres://localhost:5432/app', 'postgres://localhost:5432/app'],
    ['postgres://a:b@h1:1,[::1]:2/app', 'postgres://a:***@h1:1,[::1]:2/app'],
    [
      'postgres://localhost/app?user=a&password=b&sslmode=x',
      'postgres://localhost/app?user=a&password=***&sslmode=x',
    ],
    ["host=localhost password='a b' user=ada", 'host=localhost password=*** user=ada'],
    ['postgres://a:p@ss/w@localhost/app', 'postgres://a:***@localhost/app'],
  ])('shows %s as %s', (given, shown) => {
    expect(redactDsn(given)).toBe(shown)
  })

  it.each([
    'host=localhost password = CANARY dbname=x',
    "host=localhost PASSWORD = 'CANARY'",
    "host=localhost password='it\\'s CANARY' dbname=x",
    "password='CANARY",
    'postgres://h:bad/x?user=a&pass%77ord=CANARY',
    'postgres://h:bad/x?sslpassword=CANARY',
    'postgres://h:bad/x?options=-c%20secret.key%3DCANARY',
    'postgres://h:bad/x?CANARY',
    'postgres://CANARY@h:bad/x',
    'postgres://ada:CANARY',
    'postgres://ada:CAN/CANARY@h:bad/x',
    'postgres://ada:%CANARY@h:bad/x',
    'mysql://ada:CANARY@h/x',
    'ada:CANARY@h/x',
    'ada:CANARY@h',
    'postgres:/ada:CANARY@h/x',
  ])('never shows the password of %s', (text) => {
    expect(redactDsn(text)).not.toContain('CANARY')
    expect(messageOf(text)).not.toContain('CANARY')
  })
})
