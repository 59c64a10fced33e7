// Runs the programs of pages, one after the other in this process, each with a database of its own as DATABASE_URL.
// Started by check-blocks.mjs under tsx, with the pages as JSON in the environment; prints a line of JSON a page.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import pg from 'pg'
import { Chancy } from '../dist/index.js'

const PAGE_TIMEOUT_MS = 240_000
const { pages, url } = JSON.parse(process.env.CHANCY_PAGES)
const report = process.stdout.write.bind(process.stdout)
const server = new pg.Client({ connectionString: url })
await server.connect()

/** Ends the page that is run. Between pages connections of the former one may break with its database. */
let fail = null
for (const event of ['unhandledRejection', 'uncaughtException'])
  process.on(event, (error) => fail?.(error))

for (const [index, page] of pages.entries()) {
  const name = `chancy_page_${process.pid}_${index}`
  await server.query(`CREATE DATABASE ${name}`)
  const own = new URL(url)
  own.pathname = name
  process.env.DATABASE_URL = own.href
  const started = performance.now()
  const fault = await faultOf(page, own.href)
  const ms = Math.round(performance.now() - started)
  report(`${JSON.stringify({ file: page.file, ms, fault })}\n`)
  await server.query(`DROP DATABASE ${name} WITH (FORCE)`)
}
process.exit()

async function faultOf({ path, isMigrated }, databaseUrl) {
  let printed = ''
  process.stdout.write = (chunk, ...rest) => {
    printed += chunk
    rest.find((it) => typeof it === 'function')?.()
    return true
  }
  globalThis.page = stepsOf(dirname(path), databaseUrl, () => {
    const text = printed
    printed = ''
    return text
  })
  let timer
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('is not done in four minutes')), PAGE_TIMEOUT_MS)
  })
  const escaped = new Promise((_, reject) => {
    fail = reject
  })
  try {
    if (isMigrated) await migrated(databaseUrl)
    await Promise.race([import(path), tooLong, escaped])
    return null
  } catch (error) {
    return `${error?.stack ?? error}${printed === '' ? '' : `\nprinted: ${printed}`}`
  } finally {
    fail = null
    clearTimeout(timer)
    process.stdout.write = report
  }
}

async function migrated(databaseUrl) {
  const chancy = new Chancy(databaseUrl)
  await chancy.migrate()
  await chancy.close()
}

/** What the blocks of a page that are no TypeScript do. */
function stepsOf(folder, databaseUrl, takePrinted) {
  return {
    async sql(text, line) {
      const client = new pg.Client({ connectionString: databaseUrl })
      await client.connect()
      try {
        // A statement that refuses to run in a transaction is sent alone.
        const parts = /\$\$|^DO /m.test(text) ? [text] : text.split(/;\s*$/m)
        for (const part of parts) if (part.trim() !== '') await client.query(part)
      } catch (error) {
        throw new Error(`line ${line}: ${error.message}`)
      } finally {
        await client.end()
      }
    },
    async sh(text, line) {
      const env = { ...process.env, DATABASE_URL: databaseUrl }
      const child = spawn(
        'bash',
        ['-euo', 'pipefail', '-c', text.replaceAll('npx chancy', 'chancy')],
        {
          cwd: folder,
          env,
        },
      )
      let output = ''
      let errors = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
      })
      child.stderr.on('data', (chunk) => {
        errors += chunk
      })
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`line ${line}: exit code ${code}\n${output}${errors}`)
      process.stdout.write(output)
    },
    text(expected, line) {
      const printed = takePrinted().trimEnd()
      const parts = expected.trimEnd().split('…')
      const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')
      if (!new RegExp(`^${pattern}$`, 's').test(printed))
        throw new Error(`line ${line}: expected\n${expected}\nand got\n${printed}`)
    },
  }
}
