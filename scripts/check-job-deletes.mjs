// Every place where a row of jobs is removed is known, with what becomes of its owner: whatever ends a job passes its
// end on in the same transaction, or a workflow waits for it for ever (src/database/sql/ENGINE.md, Workflows).
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report } from './source-tree.mjs'

const src = fileURLToPath(new URL('../src', import.meta.url))
/** By file: how often it removes, and why no owner is forgotten. */
const KNOWN = {
  'database/sql/functions/finish@1.sql': [3, 'replaced by a body that calls finish_2'],
  'database/sql/functions/finish@2.sql': [3, 'part.tell_owners, then flow_1'],
  'database/sql/functions/recover@1.sql': [1, 'replaced'],
  'database/sql/functions/recover@2.sql': [1, 'part.tell_owners, then flow_1'],
  'database/sql/replaced/finish@2.sql': [3, 'part.tell_owners, then flow_1'],
  'database/sql/replaced/recover@1.sql': [1, 'part.tell_owners, then flow_1'],
  'database/sql/functions/cancel@1.sql': [1, 'replaced'],
  'database/sql/replaced/cancel@1.sql': [1, 'under the lock of the workflow, then flow_1'],
  'database/sql/functions/cancel_many@1.sql': [1, 'replaced'],
  'database/sql/replaced/cancel_many@1.sql': [1, 'passes over what has an owner and waits'],
  'database/sql/functions/end_unrun@1.sql': [1, 'the holder of the workflow ends its step'],
  'database/sql/functions/stop_flow@1.sql': [1, 'the holder of the workflow ends its step'],
  'database/sql/functions/stop_batch@1.sql': [1, 'the holder of the batch counts it'],
  'database/sql/functions/push@1.sql': [
    1,
    'a second insert of a job that has ended: its end was passed on',
  ],
  'database/sql/functions/push_taken@1.sql': [
    1,
    'a job of the same statement, which nothing has seen',
  ],
  'database/sql/functions/undo_jobs@1.sql': [1, 'passes over what has an owner'],
  'database/sql/replaced/push@1.sql': [1, 'the same'],
}

const found = new Map()
for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(sql|ts)$/.test(entry.name) || entry.name === 'sql.generated.ts')
    continue
  const path = join(entry.parentPath ?? entry.path, entry.name)
  const count =
    readFileSync(path, 'utf8').match(/DELETE FROM (?:chancy\.jobs|\$\{t\.jobs\})(?!\w)/g)?.length ??
    0
  if (count > 0) found.set(path.slice(src.length + 1), count)
}
const problems = []
for (const [file, count] of found)
  if (KNOWN[file]?.[0] !== count)
    problems.push(
      `src/${file} removes jobs ${count} times, and scripts/check-job-deletes.mjs knows ${KNOWN[file]?.[0] ?? 0}: say there how the owner of each gets to know`,
    )
for (const file of Object.keys(KNOWN))
  if (!found.has(file)) problems.push(`src/${file} removes no job any more: take it off the list`)
report(problems, `${found.size} files remove jobs, and pass their ends on`)
