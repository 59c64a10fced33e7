import { describe, expect, it } from 'vitest'
import { judgeAutovacuum } from '../../../src/app/doctor/autovacuum.ts'
import { judgeGroups } from '../../../src/app/doctor/blocked-groups.ts'
import { judgeSkew } from '../../../src/app/doctor/clock-skew.ts'
import { judgeConnections } from '../../../src/app/doctor/connections.ts'
import { judgeDeadRows } from '../../../src/app/doctor/dead-rows.ts'
import { judgeDurability } from '../../../src/app/doctor/durability.ts'
import { judgeHorizon } from '../../../src/app/doctor/horizon.ts'
import { judgeQueue } from '../../../src/app/doctor/notifications.ts'
import { judgeVersions } from '../../../src/app/doctor/schema-versions.ts'
import { judgeVersion } from '../../../src/app/doctor/server.ts'
import { judgeWraparound } from '../../../src/app/doctor/wraparound.ts'
import type { HorizonRow } from '../../../src/database/statements/diagnosis-server.ts'

/** What cannot be made on a server of a test: years of transactions, hundreds of megabytes, other versions. */
describe('a check judges', () => {
  it.each([
    ['13.9', 130_009, 'error', /older than 14/],
    ['14.0', 140_000, 'ok', /14\.0/],
    ['18.4', 180_004, 'ok', /18\.4/],
    ['19beta1', 190_000, 'warning', /newer than those/],
  ])('PostgreSQL %s by its major version', (version, number, level, found) => {
    expect(judgeVersion(version, number)).toMatchObject({
      level,
      found: expect.stringMatching(found),
    })
  })

  it.each([
    [150_000_000, 1, 200_000_000, 'ok'],
    [399_000_000, 1, 200_000_000, 'ok'],
    [401_000_000, 1, 200_000_000, 'warning'],
    [1, 401_000_000, 200_000_000, 'warning'],
    [900_000_000, 1, 500_000_000, 'ok'],
    [1_250_000_000, 1, 1_000_000_000, 'warning'],
    [1_600_000_000, 1, 200_000_000, 'error'],
  ])(
    'ids of %i transactions and %i multixacts, frozen at %i: %s',
    (xid_age, mxid_age, freeze_max_age, level) => {
      expect(judgeWraparound({ xid_age, mxid_age, freeze_max_age })).toMatchObject({ level })
    },
  )

  const table = {
    ...{ name: 'jobs', full_name: 'chancy.jobs', off: false, live: 10, dead: 0, due: 20_000 },
    ...{ since_ms: 60_000, heap_bytes: 8_192, index_bytes: 8_192 },
  }
  it.each([
    [{}, 'ok', /No table/],
    [{ dead: 999_999 }, 'ok', /999,999 dead rows/],
    [{ dead: 1_000_000 }, 'warning', /jobs \(1,000,000 dead rows beside 10 rows\)/],
    [{ dead: 1_000_000, live: 2_000_000 }, 'ok', /No table/],
    [{ heap_bytes: 2 ** 30 }, 'warning', /jobs \(1\.0 GB for 10 rows\)/],
    [{ heap_bytes: 2 ** 30, live: 500_000 }, 'ok', /No table/],
    [{ index_bytes: 300 * 2 ** 20 }, 'warning', /the indexes of jobs \(300 MB for 10 rows\)/],
    [{ heap_bytes: 2 ** 30, name: 'finished_jobs_20270101' }, 'ok', /No table/],
  ])('dead rows and bloat of %j: %s', (what, level, found) => {
    const [judged] = [judgeDeadRows([{ ...table, ...what }])]
    expect(judged).toMatchObject({ level, found: expect.stringMatching(found) })
  })

  const settings = {
    ...{ autovacuum: 'on', track_counts: 'on', workers: 3, naptime_ms: 60_000, running: 0 },
    ...{ freeze_max_age: 200_000_000, xid_age: 1, mxid_age: 1 },
  }
  it.each([
    [{}, { dead: 100_001, since_ms: 599_000 }, 'ok', null],
    [{}, { dead: 100_000, since_ms: 3_600_000 }, 'ok', null],
    [{}, { dead: 100_001, since_ms: 601_000 }, 'warning', /VACUUM chancy\.jobs/],
    [{ running: 3 }, { dead: 100_001, since_ms: 601_000 }, 'warning', /autovacuum_max_workers/],
    [{ track_counts: 'off' }, {}, 'error', /track_counts = on/],
  ])('autovacuum with %j and %j: %s', (own, what, level, todo) => {
    const judged = judgeAutovacuum({ ...settings, ...own }, [{ ...table, ...what }])
    expect(judged.level).toBe(level)
    if (todo === null) expect(judged.todo).toBeNull()
    else expect(judged.todo).toMatch(todo)
  })

  const holder: HorizonRow = {
    kind: 'standby',
    pid: 7,
    name: 'replica',
    role: 'repl',
    state: 'streaming',
    xids: 10,
    age_ms: null,
    query_ms: null,
  }
  it.each([
    [{}, 'ok'],
    [{ xids: 1_000_000 }, 'warning'],
    [{ xids: 20_000_000 }, 'error'],
    [{ kind: 'slot', state: 'active' }, 'ok'],
    [{ kind: 'slot', state: 'inactive' }, 'warning'],
    [{ kind: 'session', age_ms: 599_000 }, 'ok'],
    [{ kind: 'session', age_ms: 600_000 }, 'warning'],
    [{ kind: 'prepared', age_ms: 3_600_000 }, 'error'],
  ] as const)('what holds the horizon back as %j: %s', (what, level) => {
    expect(judgeHorizon([{ ...holder, ...what }])).toMatchObject({ level })
  })

  const limits = {
    ...{ max: 97, used: 10, of_database: -1, used_database: 10 },
    ...{ of_role: -1, used_role: 10, role: 'app' },
  }
  it.each([
    [{}, 'ok', /87 of 97 connections of the server/],
    [{ used: 89 }, 'warning', /8 of 97/],
    [{ used: 95 }, 'error', /2 of 97/],
    [{ used: 99 }, 'error', /0 of 97/],
    [{ of_database: 12 }, 'error', /2 of 12 connections of the database/],
  ])('connections of %j: %s', (what, level, found) => {
    expect(judgeConnections({ ...limits, ...what })).toMatchObject({
      level,
      found: expect.stringMatching(found),
    })
  })

  it.each([
    [999, 'ok'],
    [-1_000, 'warning'],
    [4_999, 'warning'],
    [5_000, 'error'],
    [-60_000, 'error'],
  ])('a clock that is %i ms ahead: %s', (aheadMs, level) => {
    expect(judgeSkew([{ who: 'this machine', aheadMs }])).toMatchObject({ level })
  })

  it('the queue of notifications, fsync, interrupted migrations, and groups that move', () => {
    expect(judgeQueue(0.49)).toBeNull()
    expect(judgeQueue(0.5)).toMatchObject({ level: 'warning' })
    expect(judgeQueue(0.9)).toMatchObject({ level: 'error' })
    const off = { name: 'fsync', value: 'off', role: null, database: null }
    expect(judgeDurability([off])).toMatchObject({ level: 'error', todo: expect.any(String) })
    const line = { line: 'chancy.core', have: 2, want: 2, begun: 3, serves: 1 }
    expect(judgeVersions([line], 'chancy')).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('not complete: chancy.core 3'),
    })
    const group = {
      ...{ key: 'k', blocked: 3, oldest_ms: 59_000, ready: false, running: 0 },
      ...{ holder: null, holder_ms: null, holder_worker: null, holder_alive: null },
    }
    expect(judgeGroups([group])).toMatchObject({ level: 'ok' })
    expect(judgeGroups([{ ...group, oldest_ms: 60_000 }])).toMatchObject({ level: 'error' })
    expect(judgeGroups([{ ...group, oldest_ms: 60_000, ready: true }])).toMatchObject({
      level: 'ok',
    })
  })
})
