// Every function of the schema has a search path of its own. Without it, functions and operators that
// another user made in a schema of the caller's path would be called with the caller's rights.
// Reads test/schema.sql, which the check "schema" compares with the migrations.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { report, root } from './source-tree.mjs'

const SETTING = " SET search_path TO 'pg_catalog', 'pg_temp'\n"

const schema = readFileSync(join(root, 'test/schema.sql'), 'utf8')
const heads = [
  ...schema.matchAll(/^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (\S+?)\([\s\S]*?^AS /gm),
]
const unsafe = heads.filter(([head]) => !head.includes(SETTING))
if (heads.length === 0) throw new Error('test/schema.sql holds no function')
report(
  unsafe.map(
    ([, name]) =>
      `${name} has no search path: add SAFE_NAMES (or STEADY_PLANS) of src/database/migrations/0001`,
  ),
  `${heads.length} functions have a search path of their own`,
)
