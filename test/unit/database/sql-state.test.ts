import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../../../src/core/errors.ts'
import {
  CLIENT_VERDICTS,
  classify,
  isAboutRow,
  isConnectionLoss,
  isMissingPartition,
  isRefusal,
  sqlStateOf,
  VERDICTS,
  type Verdict,
} from '../../../src/database/sql-state.ts'

const fromServer = (code: string, severity = 'ERROR', more: object = {}): Error =>
  Object.assign(new Error('from the server'), { code, severity, ...more })

// Written out here a second time, so that a change of the table is a decision and not a slip.
const bySqlState: Record<Verdict, string[]> = {
  transient: [
    ...['08001', '08004', '25P03', '25P04', '40000', '40001', '40P01', '53000', '53100', '53200'],
    ...['53300', '53400', '55006', '55P03', '57014', '57P03', '58000', '58030', '72000', 'CH002'],
  ],
  ambiguous: [
    ...['08000', '08003', '08006', '08007', '08P01', '40003', '57000', '57P01', '57P02', '57P05'],
    ...['XX000'],
  ],
  'stale-statement': ['26000', '42P05'],
  'wrong-node': ['25006'],
  caller: [
    ...['02000', '03000', '0A000', '0L000', '0P000', '21000', '22001', '22003', '22021', '22P02'],
    ...['22P05', '23502', '23503', '23505', '23514', '24000', '25001', '25P01', '25P02', '28000'],
    ...['28P01', '2BP01', '2D000', '34000', '38000', '39000', '3D000', '3F000', '40002', '42501'],
    ...['42601', '42703', '42883', '42P01', '44000', '54000', '54001', '55000', '55P04'],
    ...['57P04', 'F0000', 'HV000', 'P0001', 'XX001', 'XX002'],
  ],
}

const byClientCode: Partial<Record<Verdict, string[]>> = {
  transient: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'CONNECT_TIMEOUT', 'DATABASE_UNREACHABLE'],
  ambiguous: [
    ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
    ...['EHOSTDOWN', 'ENETDOWN', 'ERR_STREAM_DESTROYED', 'CONNECTION_CLOSED'],
    ...['CONNECTION_DESTROYED', 'DATABASE_DEADLINE', 'OUTCOME_UNKNOWN'],
  ],
  caller: ['CONNECTION_ENDED', 'CONFIG_INVALID', 'CLOSED', 'MIGRATIONS_NEEDED', 'ENOENT', 'EPERM'],
}

const rows = (table: Partial<Record<Verdict, string[]>>): [string, Verdict][] =>
  Object.entries(table).flatMap(([verdict, codes]) =>
    codes.map((code): [string, Verdict] => [code, verdict as Verdict]),
  )

describe('the SQLSTATE in the error of an ORM', () => {
  const driver = fromServer('25P02')
  const adapterError = { name: 'DriverAdapterError', cause: { originalCode: '25P02' } }

  it.each<[string, object]>([
    ['TypeORM', { driverError: driver, query: 'SELECT 1', parameters: [] }],
    ['Sequelize', { parent: driver, original: driver, sql: 'SELECT 1' }],
    ['Drizzle', { query: 'SELECT 1', params: [], cause: driver }],
    ['MikroORM', { code: '25P02', severity: 'ERROR', query: 'SELECT 1' }],
    ['Prisma over an adapter', { code: 'P2010', meta: { driverAdapterError: adapterError } }],
    ['an adapter of Prisma', adapterError],
    ['Prisma over its engine', { code: 'P2010', meta: { code: '25P02', message: 'aborted' } }],
  ])('is found in that of %s', (_title, more) => {
    const error = Object.assign(new Error('wrapped'), more)
    expect(sqlStateOf(error)).toBe('25P02')
    expect(classify(error)).toBe('caller')
  })

  it('is not a code of Prisma, and not one of an unrelated cause', () => {
    for (const code of ['P1001', 'P2002', 'P2028']) expect(sqlStateOf({ code })).toBe(undefined)
    expect(sqlStateOf({ code: 'P0001' })).toBe('P0001')
    expect(sqlStateOf(new Error('of the application', { cause: driver }))).toBe(undefined)
  })
})

describe('what a refusal is about', () => {
  const all = Object.values(bySqlState).flat()

  it.each(all)('SQLSTATE %s is about the row only in the classes 22 and 23', (code) => {
    const error = fromServer(code, 'ERROR', { constraint: 'some' })
    expect(isAboutRow(error)).toBe(/^2[23]/.test(code))
    expect(isAboutRow(new DatabaseError('wrapped', { cause: error }))).toBe(/^2[23]/.test(code))
  })

  it('a check without a constraint is a missing partition, which is not about the row', () => {
    const missing = fromServer('23514')
    expect([isMissingPartition(missing), isAboutRow(missing)]).toEqual([true, false])
    for (const name of ['constraint', 'constraint_name']) {
      const check = fromServer('23514', 'ERROR', { [name]: 'positive' })
      expect([isMissingPartition(check), isAboutRow(check)]).toEqual([false, true])
    }
  })

  it('an outage is no refusal, and an internal error is one', () => {
    const refused = all.filter((code) => isRefusal(fromServer(code)))
    const internal = ['XX000', 'XX001', 'XX002']
    expect(new Set(refused)).toEqual(new Set([...bySqlState.caller, '26000', '42P05', ...internal]))
    expect(isRefusal(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBe(false)
    expect(isRefusal(new TypeError('of the client library'))).toBe(true)
  })
})

describe('classify', () => {
  it.each(rows(bySqlState))('calls SQLSTATE %s %s', (code, verdict) => {
    expect(classify(fromServer(code))).toBe(verdict)
  })

  it.each(rows(byClientCode))('calls the client code %s %s', (code, verdict) => {
    expect(classify(Object.assign(new Error('x'), { code }))).toBe(verdict)
  })

  it('has no row that is not tested above', () => {
    const states = Object.values(bySqlState).flat()
    for (const key of Object.keys(VERDICTS))
      expect(states.some((state) => state.startsWith(key))).toBe(true)
    const codes = Object.values(byClientCode).flat()
    for (const code of Object.keys(CLIENT_VERDICTS)) expect(codes).toContain(code)
  })

  it.each<[string, Verdict, boolean]>([
    ['Connection terminated unexpectedly', 'ambiguous', true],
    ['Connection terminated', 'ambiguous', true],
    ['Query read timeout', 'ambiguous', true],
    ['Client has encountered a connection error and is not queryable', 'transient', true],
    ['Client was closed and is not queryable', 'transient', true],
    ['timeout exceeded when trying to connect', 'transient', true],
    ['Connection terminated due to connection timeout', 'transient', true],
    ['timeout expired', 'transient', true],
    ['something else', 'caller', false],
  ])('knows what node-postgres says only in words: %s', (message, verdict, isLoss) => {
    expect(classify(new Error(message))).toBe(verdict)
    expect(isConnectionLoss(new Error(message))).toBe(isLoss)
  })

  it('distinguishes a stale plan from other things that are not supported', () => {
    expect(classify(fromServer('0A000', 'ERROR', { routine: 'RevalidateCachedQuery' }))).toBe(
      'stale-statement',
    )
    const cached = Object.assign(new Error('cached plan must not change result type'), {
      code: '0A000',
    })
    expect(classify(cached)).toBe('stale-statement')
  })

  it('recognizes a connection that was never made by its system call', () => {
    const refused = { code: 'ETIMEDOUT', syscall: 'connect' }
    expect(classify(Object.assign(new Error('x'), refused))).toBe('transient')
    expect(classify(Object.assign(new Error('x'), { code: 'ETIMEDOUT', syscall: 'read' }))).toBe(
      'ambiguous',
    )
    const socket = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'connect' })
    expect(classify(socket)).toBe('transient')
    expect(classify(new AggregateError([socket, socket]))).toBe('transient')
  })

  it('depends, for a call that passed its deadline, on whether it had been sent', () => {
    const late = (sent: boolean) =>
      new DatabaseError('late', { code: 'DATABASE_DEADLINE', details: { sent } })
    expect([classify(late(true)), isConnectionLoss(late(true))]).toEqual(['ambiguous', true])
    expect([classify(late(false)), isConnectionLoss(late(false))]).toEqual(['transient', false])
  })

  it('reads the cause of an error that Chancy wrapped', () => {
    const wrapped = new DatabaseError('x', { cause: fromServer('40P01') })
    expect([sqlStateOf(wrapped), classify(wrapped)]).toEqual(['40P01', 'transient'])
    expect(classify(new DatabaseError('x', { details: { sqlState: '57014' } }))).toBe('transient')
    expect(classify(new DatabaseError('x', { cause: new Error('Connection terminated') }))).toBe(
      'ambiguous',
    )
  })

  it.each([undefined, null, 'text', 7, new TypeError('a bug')])(
    'calls %s the caller’s',
    (value) => {
      expect(classify(value)).toBe('caller')
      expect(isConnectionLoss(value)).toBe(false)
    },
  )
})

describe('isConnectionLoss', () => {
  it.each<[string, string, boolean]>([
    ['57P01', 'FATAL', true],
    ['57P02', 'FATAL', true],
    ['57P03', 'FATAL', true],
    ['25P03', 'FATAL', true],
    ['08006', 'ERROR', true],
    ['53300', 'FATAL', true],
    ['53300', 'ERROR', false],
    ['40001', 'ERROR', false],
    ['23505', 'ERROR', false],
    ['57014', 'ERROR', false],
  ])('%s with severity %s: %s', (code, severity, isLoss) => {
    expect(isConnectionLoss(fromServer(code, severity))).toBe(isLoss)
  })

  it('takes EPIPE for Node’s code, though it looks like a SQLSTATE', () => {
    expect(sqlStateOf(Object.assign(new Error('x'), { code: 'EPIPE' }))).toBeUndefined()
    expect(isConnectionLoss(Object.assign(new Error('x'), { code: 'EPIPE' }))).toBe(true)
  })
})
