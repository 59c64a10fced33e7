import { afterAll, describe, expect, it } from 'vitest'
import { databaseUrl, testDatabase } from '../support/database.ts'
import { allKills, runKills } from '../support/durable-kills.ts'
import { runStops } from '../support/durable-stops.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'
import { sized } from '../support/size.ts'

const schema = testDatabase()
const KILLS = allKills().filter((_, n) => sized(n % 9 === 0, true))

afterAll(() => dropSchema(databaseUrl(schema), schema))

describe('a durable job whose worker is lost at an await of its code, or at a statement of the worker', () => {
  it('runs no step that is recorded again, and has each child and each effect once', async () => {
    const url = databaseUrl(schema)
    await freshSchema(url, schema)
    const { problems, kills } = await runKills(url, schema, KILLS, 8)
    expect(problems).toEqual([])
    expect(kills).toBeGreaterThan(KILLS.length * 0.6)
  })
})

describe('durable jobs whose worker is stopped beyond its lease', () => {
  it('are run to their end by another one, and the stale attempts record and write nothing', async () => {
    const url = databaseUrl(schema)
    await freshSchema(url, schema)
    const { problems } = await runStops(url, schema, sized(2, 50), 1_500)
    expect(problems).toEqual([])
  })
})
