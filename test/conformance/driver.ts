import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { Driver } from '../../src/database/driver.ts'
import { describeLosses, sessionsOf } from './driver-losses.ts'
import { describeListening, describeSessions } from './driver-sessions.ts'
import { describeStatements, describeTransactions } from './driver-transactions.ts'
import { describeValues } from './driver-values.ts'

/** A driver under test, and how the suite reads the server from outside of it. */
export interface DriverUnderTest {
  readonly driver: Driver
  /** Closes the driver and whatever was made for it. */
  stop(): Promise<void>
  /** A second driver of the same server. Absent: the server has one session, as with PGlite. */
  readonly other?: Driver
  /** `application_name` of the driver's sessions. */
  readonly applicationName: string
  /** The option `pooler` says that a pooler is between it and the server. */
  readonly isPooled?: boolean
}

/** What every driver must do alike. A new driver is done when this passes. */
export function describeDriver(name: string, make: () => Promise<DriverUnderTest>): void {
  describe(`${name} as a driver`, () => {
    let test: DriverUnderTest
    let driver: Driver
    const table = `conformance_${name.replaceAll(/\W/g, '_').toLowerCase()}`

    beforeAll(async () => {
      test = await make()
      driver = test.driver
      await driver.query({ text: `DROP TABLE IF EXISTS ${table}`, values: [] })
      const columns = 'id int CONSTRAINT only_once PRIMARY KEY, note text'
      await driver.query({ text: `CREATE TABLE ${table} (${columns})`, values: [] })
    })
    beforeEach(async () => {
      await driver.query({ text: `TRUNCATE ${table}`, values: [] })
    })
    afterAll(async () => {
      await driver.query({ text: `DROP TABLE ${table}`, values: [] })
      await test.stop()
      const { other, applicationName } = test
      if (other === undefined) return
      // `expect.poll` works in tests only.
      for (let tries = 0; tries < 100; tries++) {
        if ((await sessionsOf(other, applicationName)).length === 0) break
        await systemClock.sleep(50)
      }
      expect(await sessionsOf(other, applicationName)).toEqual([])
      await other.close()
    })

    describeValues(() => driver)
    describeStatements(() => driver, table)
    describeTransactions(() => driver, table)
    describeSessions(() => driver)
    describeListening(() => driver)
    describeLosses(() => test)
  })
}
