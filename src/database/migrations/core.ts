import { first } from './0001-first.ts'
import type { Migrations } from './migration.ts'

/** The core's own line of versions. */
export const coreMigrations: Migrations = { line: 'chancy.core', steps: [first] }
