import type { Database } from './database.ts'
import type { Value } from './driver.ts'
import {
  type Later,
  NOTHING,
  nextStep,
  type OwnStep,
  type State,
  stateAfter,
  UNDONE,
} from './migration-steps.ts'
import type { LaterStep, Migrations } from './migrations/migration.ts'
import { type MigrationTarget, targetsOf } from './migrator.ts'
import { quoteLiteral } from './names.ts'
import type { Statement } from './statement.ts'
import * as sql from './statements/migrations.ts'

/**
 * What `migrate` would run, as a script for psql: a transaction for each version, and after it what cannot run in
 * one. Nothing is changed. Null: there is nothing to do.
 */
export async function migrationScript(
  database: Database,
  lines: readonly Migrations[],
  target: MigrationTarget,
): Promise<string | null> {
  const [table] = await database.run(sql.migrationsExist, [])
  const rows = table?.found ? await database.run(sql.readVersions, []) : []
  const script: string[] = []
  for (const { line, to } of await targetsOf(database, lines, target)) {
    let state: State = rows.find((row) => row.line === line.line) ?? NOTHING
    for (;;) {
      const step = nextStep(line, state, to ?? line.steps.length, to === undefined)
      if (step === null) break
      const isFirst = script.length === 0 && !table?.found
      script.push(await textOf(database, line, step, isFirst))
      state = stateAfter(state, step)
    }
  }
  return script.length === 0 ? null : script.join('\n')
}

async function textOf(
  database: Database,
  { line }: Migrations,
  step: OwnStep | Later,
  isFirst: boolean,
): Promise<string> {
  const { names } = database
  const { version, after: later = [], breaking = false } = step.migration
  const of = <Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): string => inlined(what.text(names), values)
  const head = `-- ${line}, version ${version}: ${step.kind}\n`
  if (step.kind === 'up' || step.kind === 'down') {
    const texts = await step.migration[step.kind](names)
    const record =
      step.kind === 'up'
        ? of(sql.addVersion, [line, version, breaking, later.length === 0])
        : of(sql.removeVersion, [line, version])
    const first = isFirst ? [of(sql.createSchema, []), of(sql.createMigrations, [])] : []
    const begin = ['BEGIN', of(sql.useSafeNames, []), ...first]
    return head + statements([...begin, ...texts, record, 'COMMIT'])
  }
  if (step.kind === 'after') {
    const one = later[step.index]
    const texts = one === undefined ? [] : await upOf(one, database)
    const isWhole = step.index + 1 >= later.length
    return (
      head + statements([...texts, of(sql.recordSteps, [line, version, step.index + 1, isWhole])])
    )
  }
  const undone = await Promise.all(later.toReversed().map((one) => downOf(one, database)))
  return (
    head +
    statements([
      of(sql.beginUndo, [line, version]),
      ...undone.flat(),
      of(sql.recordSteps, [line, version, UNDONE, false]),
    ])
  )
}

async function upOf(step: LaterStep, { names }: Database): Promise<string[]> {
  if (step.kind === 'outside') return [await step.undo(names), await step.up(names)]
  return [repeated(await step.up(names))]
}

async function downOf(step: LaterStep, { names }: Database): Promise<string[]> {
  if (step.kind === 'outside') return [await step.undo(names)]
  return step.down === undefined ? [] : [repeated(await step.down(names))]
}

const repeated = (text: string): string => `-- Repeat it until "moved" is 0.\n${text.trim()}`

function statements(texts: readonly string[]): string {
  return texts.map((text) => `${text.trim().replace(/;$/, '')};\n`).join('')
}

/** The statement with its values in it. */
function inlined(text: string, values: readonly Value[]): string {
  return text.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const value = values[Number(number) - 1] ?? null
    return typeof value === 'string' ? quoteLiteral(value) : String(value)
  })
}
