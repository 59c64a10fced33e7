// Checks limits in commit order, while workers are killed and stopped.
//
//   npm run chaos:limits -- --jobs 1000000 --seed 7
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './source-tree.mjs'

const { values } = parseArgs({ options: { jobs: { type: 'string' }, seed: { type: 'string' } } })
const env = { ...process.env }
if (values.jobs !== undefined) env.CHANCY_CHAOS_JOBS = values.jobs
if (values.seed !== undefined) env.CHANCY_SEED = values.seed
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const args = [vitest, 'run', '--project', 'chaos', 'exact-limits', '-t', 'killed and stopped']
const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
process.exitCode = status ?? 1
