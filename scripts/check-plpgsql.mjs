// Runs plpgsql_check, an extension of PostgreSQL, on every function of the migrated schema. Each remark that it
// makes is printed, with the answer that stands below; one without an answer is red, and so is an answer to no
// remark. Uses the server of DATABASE_URL where that has the extension, else a throw-away server of the newest
// installation on this machine that has it, and is skipped where there is none.
//
//   apt-get install postgresql-15-plpgsql-check && node scripts/check-plpgsql.mjs
import pg from 'pg'
import { Chancy } from '../dist/index.js'
import { cron } from '../dist/plugins/cron/cron.js'
import { extensionServer } from './extension-server.mjs'

const EXTENSION = 'plpgsql_check'
const SCHEMA = 'chancy'

const ONCE = 'One value a scan or a call: the cast costs nothing that can be measured.'
const DOMAIN = 'A domain over text: PostgreSQL relabels the array and converts no key.'
const PARSED = 'Parsed as jsonb on purpose: an assignment converts by input and output functions.'
const OWN_SNAPSHOT =
  'VOLATILE on purpose: it reads what was committed before its own statements, and not before that of its caller.'
const DRAWN =
  'The assignment is the purpose: the transaction gets its id before it draws a position (ENGINE.md, Watermarks).'

/** By function, without its version: what a remark contains, and why it stays. */
const ANSWERS = {
  claim: {
    'cast "bigint" value to "integer"': ONCE,
    'cast "chancy.group_key[]" value to "text[]"': DOMAIN,
  },
  drop_partition: {
    'should be STABLE': 'VOLATILE is right: it drops a table, by dynamic SQL, which is not read.',
  },
  explain: { 'cast "text" value to "jsonb"': PARSED },
  finish: {
    'cast "bigint" value to "integer"': ONCE,
    'never read variable "own_id"': DRAWN,
  },
  flow_held: { 'never read variable "own_id"': DRAWN },
  make_items: { 'never read variable "own_id"': DRAWN },
  put_steps: { 'never read variable "own_id"': DRAWN },
  push_flow: { 'never read variable "own_id"': DRAWN },
  watermark: { 'cast "integer" value to "bigint"': ONCE },
  moved: { 'should be STABLE': OWN_SNAPSHOT },
  fork: { 'never read variable "own_id"': DRAWN },
  send_signals: { 'never read variable "own_id"': DRAWN },
  wake: { 'never read variable "own_id"': DRAWN },
  draw_positions: { 'never read variable "own_id"': DRAWN },
  push: { 'never read variable "own_id"': DRAWN },
  push_and_claim: { 'never read variable "own_id"': DRAWN },
  recover: { 'cast "chancy.group_key[]" value to "text[]"': DOMAIN },
  surplus: { 'cast "text" value to "jsonb"': PARSED, 'should be STABLE': OWN_SNAPSHOT },
  sweep_blocked: { 'cast "chancy.group_key[]" value to "text[]"': DOMAIN },
}

const server = await extensionServer(EXTENSION)
if ('reason' in server) console.log(`skipped: ${server.reason}`)
else {
  try {
    await check(server.url)
  } finally {
    await server.stop()
  }
}

async function check(address) {
  const database = `${EXTENSION}_${process.pid}`
  const url = new URL(address)
  url.pathname = `/${database}`
  await withClient(address, (admin) => admin.query(`CREATE DATABASE ${database}`))
  try {
    const chancy = new Chancy(url.href, { schema: SCHEMA, plugins: [cron()], notifications: false })
    await chancy.migrate().finally(() => chancy.close())
    report(await withClient(url.href, remarksOf))
  } finally {
    await withClient(address, (admin) =>
      admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
    )
  }
}

/** A function of triggers is checked on each table that calls it; SQL functions are checked when they are made. */
async function remarksOf(client) {
  await client.query(`CREATE EXTENSION ${EXTENSION}`)
  const { rows: functions } = await client.query(
    `SELECT p.oid, p.proname AS name, p.prorettype = 'trigger'::regtype AS is_trigger,
            ARRAY(SELECT DISTINCT t.tgrelid::bigint FROM pg_trigger t WHERE t.tgfoid = p.oid) AS tables
       FROM pg_proc p
       JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
      WHERE p.pronamespace = $1::regnamespace
      ORDER BY p.proname, p.oid`,
    [SCHEMA],
  )
  const remarks = []
  for (const { oid, name, is_trigger, tables } of functions) {
    if (is_trigger && tables.length === 0)
      remarks.push({ name, level: 'error', message: 'it returns trigger, and no table calls it' })
    for (const table of is_trigger ? tables : [0]) {
      const { rows } = await client.query(
        `SELECT lineno AS line, level, message, detail, context
           FROM plpgsql_check_function_tb(
                  $1::oid::regprocedure, $2::oid::regclass, fatal_errors => false,
                  other_warnings => true, extra_warnings => true, performance_warnings => true,
                  security_warnings => true, compatibility_warnings => true)`,
        [oid, table],
      )
      remarks.push(...rows.map((row) => ({ ...row, name })))
    }
  }
  if (functions.length === 0) throw new Error(`the schema ${SCHEMA} has no functions`)
  return { functions, remarks }
}

function report({ functions, remarks }) {
  const left = new Set(
    Object.entries(ANSWERS).flatMap(([name, of]) =>
      Object.keys(of).map((key) => `${name}: ${key}`),
    ),
  )
  let unanswered = 0
  for (const { name, line, level, message, detail, context } of remarks) {
    const says = [message, detail, context].filter(Boolean).join('; ')
    const plain = name.replace(/_\d+$/, '')
    const [key, answer] =
      Object.entries(ANSWERS[plain] ?? {}).find(([part]) => says.includes(part)) ?? []
    const at = `${name}${line === null || line === undefined ? '' : `, line ${line}`} (${level}): ${says}`
    if (key === undefined) {
      unanswered++
      console.error(`UNANSWERED ${at}`)
      continue
    }
    left.delete(`${plain}: ${key}`)
    console.log(`${at}\n  ${answer}`)
  }
  for (const answer of left)
    console.error(`no remark is answered by ${answer}: remove it from scripts/check-plpgsql.mjs`)
  if (unanswered > 0)
    console.error(
      `${unanswered} remarks of ${EXTENSION}: change the function, or say in scripts/check-plpgsql.mjs why it stays`,
    )
  process.exitCode = unanswered + left.size === 0 ? 0 : 1
  console.log(
    `${functions.length} functions checked: ${remarks.length - unanswered} remarks, answered`,
  )
}

async function withClient(connectionString, work) {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
