/**
 * How long a process takes to import what it needs, and, with a DATABASE_URL, to its first row: `pg` alone, and a
 * producer of Chancy. Each in processes of its own, in turns; prints medians.
 *
 *   [DATABASE_URL=postgresql://…] npm run bench:import -- [--rounds 21]
 *
 * JavaScript, since the loader of TypeScript would be measured too.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '21' } } })
const url = process.env.DATABASE_URL ?? ''
const SCHEMA = 'bench_import'
const MEASURED = `
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ ms: performance.now() - startedAt, cpuMs: (user + system) / 1000 }))`
const BEGIN = 'const before = process.cpuUsage(), startedAt = performance.now()'

const programs = {
  'import of pg': `${BEGIN}
    await import('pg')${MEASURED}`,
  'import of chancy': `${BEGIN}
    await import('chancy')${MEASURED}`,
}
if (url !== '') {
  const { Chancy } = await import('chancy')
  const chancy = new Chancy(url, { schema: SCHEMA })
  await chancy.migrate()
  await chancy.close()
  programs['pg to its first row'] = `${BEGIN}
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
    await pool.query('INSERT INTO ${SCHEMA}.bench_rows (at) VALUES (now())')${MEASURED}
    await pool.end()`
  programs['chancy to its first push'] = `${BEGIN}
    const { Chancy, job } = await import('chancy')
    const chancy = new Chancy(process.env.DATABASE_URL, { schema: '${SCHEMA}' })
    await chancy.push(job({ name: 'measured' }, () => {}).job)${MEASURED}
    await chancy.close()`
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE TABLE IF NOT EXISTS ${SCHEMA}.bench_rows (at timestamptz)`)
  await client.end()
}

const found = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, text] of Object.entries(programs)) found[name].push(measured(text))

console.log(`Node ${process.version}, ${values.rounds} rounds in turns, medians`)
for (const [name, all] of Object.entries(found)) {
  const shown = (key) =>
    `${median(all.map((one) => one[key]))
      .toFixed(0)
      .padStart(5)} ms`
  console.log(`${name.padEnd(26)} ${shown('ms')} ${shown('cpuMs')} of CPU`)
}

function measured(text) {
  const args = ['--input-type=module', '--eval', text]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1]
}
