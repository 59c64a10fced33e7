// Every function of the schema has a search path of its own. Without it, functions and operators that
// another user made in a schema of the caller's path would be called with the caller's rights.
// And what switches a kind of plan off compiles none: before PostgreSQL 18 the other plans count as very expensive then,
// so that each call would be compiled, which takes seconds.
// Reads test/schema.sql, which the check "schema" compares with the migrations.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { report, root } from './source-tree.mjs'

const SETTING = " SET search_path TO 'pg_catalog', 'pg_temp'\n"

const schema = readFileSync(join(root, 'test/schema.sql'), 'utf8')
const heads = [
  ...schema.matchAll(/^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (\S+?)\([\s\S]*?^AS /gm),
]
/** Whose only call names its schema: a setting would keep the planner from putting the body in place. */
const CLOCKS = /^chancy\.(now|clock)_\d+$/
const unsafe = heads.filter(([head, name]) => !head.includes(SETTING) && !CLOCKS.test(name))
const compiled = heads.filter(
  ([head]) => head.includes(' SET enable_') && !head.includes(" SET jit TO 'off'\n"),
)
if (heads.length === 0) throw new Error('test/schema.sql holds no function')
report(
  [
    ...unsafe.map(
      ([, name]) =>
        `${name} has no search path: add SET search_path = pg_catalog, pg_temp to its file in src/database/sql`,
    ),
    ...compiled.map(
      ([, name]) =>
        `${name} switches plans off and may be compiled: add SET jit = off to its file in src/database/sql`,
    ),
  ],
  `${heads.length} functions have a search path of their own`,
)
