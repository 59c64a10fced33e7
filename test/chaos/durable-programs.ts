/** Generated durable jobs, cut off at random: `npm run chaos:durable-programs -- 1000 first-seed`. */
import { runProgram } from '../support/durable-programs.ts'

const programs = Number(process.argv[2] ?? 1_000)
const first = Number(process.argv[3] ?? 0)
let attempts = 0
let crashes = 0
let records = 0
const wrong: string[] = []
for (let seed = first; seed < first + programs; seed++) {
  try {
    const result = await runProgram(`${seed}`)
    attempts += result.attempts
    crashes += result.crashes
    records += result.records
  } catch (error) {
    wrong.push(String((error as Error).message))
  }
}
console.log(
  `${programs} programs, ${attempts} attempts, ${crashes} of them cut off, ${records} records: ${wrong.length} took another path`,
)
for (const one of wrong.slice(0, 20)) console.log(one)
if (wrong.length > 0) process.exitCode = 1
