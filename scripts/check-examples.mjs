// Runs each example that has its expected output beside it (main.ts, main.expected.txt), each in a
// database of its own, given as DATABASE_URL. In the expected output "…" stands for anything.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { root } from './source-tree.mjs'

const TIMEOUT_MS = 120_000
const folder = join(root, 'examples')
const expectedOf = (file) => file.replace(/\.ts$/, '.expected.txt')
const examples = (existsSync(folder) ? readdirSync(folder, { recursive: true }) : [])
  .filter((file) => file.endsWith('.ts') && existsSync(join(folder, expectedOf(file))))
  .sort()

if (examples.length > 0) await runAll()
if (!process.exitCode) console.log(`${examples.length} examples print what they should`)

async function runAll() {
  const { embeddedPostgres } = await import('../dist/database/drivers/embedded-postgres.js')
  const embedded = process.env.DATABASE_URL ? null : embeddedPostgres()
  const url = process.env.DATABASE_URL || (await embedded.url())
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const [index, file] of examples.entries()) {
      const name = `chancy_example_${process.pid}_${index}`
      await client.query(`CREATE DATABASE ${name}`)
      const own = new URL(url)
      own.pathname = name
      compare(file, await output(file, own.href))
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
    }
  } finally {
    await client.end()
    await embedded?.close()
  }
}

function output(file, url) {
  const options = { cwd: root, timeout: TIMEOUT_MS, env: { ...process.env, DATABASE_URL: url } }
  return new Promise((resolve) => {
    const args = ['--import', 'tsx', join(folder, file)]
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve(error === null ? stdout : `${stdout}${stderr}\n${error.message}`),
    )
  })
}

function compare(file, printed) {
  const expected = readFileSync(join(folder, expectedOf(file)), 'utf8').trimEnd()
  const parts = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (new RegExp(`^${parts.join('.*')}$`).test(printed.trimEnd())) return
  console.error(`examples/${file} printed:\n${printed}\nand should have printed:\n${expected}`)
  process.exitCode = 1
}
