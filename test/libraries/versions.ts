import {
  openDrizzleOverPGlite,
  openDrizzleOverPg,
  openDrizzleOverPostgresJs,
} from './adapters/drizzle.ts'
import { openKnex, openKnexByHand } from './adapters/knex.ts'
import { openControlledKysely, openKysely } from './adapters/kysely.ts'
import { openMikroOrm } from './adapters/mikro-orm.ts'
import { openPrisma } from './adapters/prisma.ts'
import { openSequelize } from './adapters/sequelize.ts'
import { openQueryRunner, openTypeOrm } from './adapters/typeorm.ts'
import type { OpenLibrary } from './library.ts'

/** The folders of packages, each with a `load.ts`. */
export type Folder = 'adapters' | 'others'

/** One version of a library, in one of the ways in which a transaction is begun. */
export interface Version {
  readonly name: string
  readonly folder: Folder
  readonly open: OpenLibrary
  /** Of Node, where its `engines` ask for more than Chancy does. */
  readonly needsNode22?: true
  /** Over a database in the process, and not over the server of the tests. */
  readonly isPGlite?: true
}

export const versions: readonly Version[] = [
  { folder: 'adapters', name: 'Knex 3', open: openKnex },
  { folder: 'adapters', name: 'Knex 3, ended by hand', open: openKnexByHand },
  { folder: 'adapters', name: 'Kysely 0.28', open: openKysely },
  { folder: 'adapters', name: 'Kysely 0.28, ended by hand', open: openControlledKysely },
  { folder: 'adapters', name: 'Drizzle 0.45 over node-postgres', open: openDrizzleOverPg },
  { folder: 'adapters', name: 'Drizzle 0.45 over postgres.js', open: openDrizzleOverPostgresJs },
  {
    folder: 'adapters',
    name: 'Drizzle 0.45 over PGlite',
    open: openDrizzleOverPGlite,
    isPGlite: true,
  },
  { folder: 'adapters', name: 'Prisma 7', open: openPrisma(7) },
  { folder: 'adapters', name: 'TypeORM 1', open: openTypeOrm },
  { folder: 'adapters', name: 'TypeORM 1, by a QueryRunner', open: openQueryRunner },
  { folder: 'adapters', name: 'Sequelize 6', open: openSequelize },
  {
    folder: 'adapters',
    name: 'MikroORM 6',
    open: openMikroOrm,
  },
  { folder: 'others', name: 'Drizzle 1.0 over node-postgres', open: openDrizzleOverPg },
  { folder: 'others', name: 'Drizzle 1.0 over postgres.js', open: openDrizzleOverPostgresJs },
  {
    folder: 'others',
    name: 'Drizzle 1.0 over PGlite',
    open: openDrizzleOverPGlite,
    isPGlite: true,
  },
  { folder: 'others', name: 'Prisma 6', open: openPrisma(6) },
  { folder: 'others', name: 'TypeORM 0.3', open: openTypeOrm },
  { folder: 'others', name: 'TypeORM 0.3, by a QueryRunner', open: openQueryRunner },
  { folder: 'others', name: 'Kysely 0.29', open: openKysely, needsNode22: true },
  {
    folder: 'others',
    name: 'Kysely 0.29, ended by hand',
    open: openControlledKysely,
    needsNode22: true,
  },
  {
    folder: 'others',
    name: 'MikroORM 7',
    open: openMikroOrm,
    needsNode22: true,
  },
]
