import { first } from './0001.ts'
import { second } from './0002.ts'
import { third } from './0003.ts'
import type { Migrations } from './migration.ts'

/** The core's own line of versions. */
export const coreMigrations: Migrations = { line: 'chancy.core', steps: [first, second, third] }
