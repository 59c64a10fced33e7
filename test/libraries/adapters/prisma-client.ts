import type { Load } from '../library.ts'

/** The parts of a client that are used here. */
export interface Prisma {
  $connect(): Promise<void>
  $disconnect(): Promise<void>
  $transaction(
    work: (tx: PrismaTransaction) => Promise<void>,
    options?: { timeout: number },
  ): Promise<void>
  $queryRawUnsafe(text: string): Promise<unknown>
  readonly user: { create(given: { data: { email: string } }): Promise<unknown> }
}

export type PrismaTransaction = Omit<Prisma, '$connect' | '$disconnect' | '$transaction'> &
  Partial<Pick<Prisma, '$transaction'>>

type PrismaClass = new (options: { adapter: object }) => Prisma

interface Runtime {
  getPrismaClient(config: object): PrismaClass
}

const SCHEMA = `generator client {
  provider   = "prisma-client"
  engineType = "client"
}
datasource db {
  provider = "postgresql"URL
}
model User {
  email String @id
  @@map("users")
}
`

/** What version 7 generates for the model, to tell arguments from the shape of a query. */
const CALLS =
  'where User.findUnique User.findUniqueOrThrow orderBy cursor User.findFirst User.findFirstOrThrow User.findMany data User.createOne User.createMany User.createManyAndReturn User.updateOne User.updateMany User.updateManyAndReturn create update User.upsertOne User.deleteOne User.deleteMany having _count _min _max User.groupBy User.aggregate'.split(
    ' ',
  )
const FILTERS =
  'AND OR NOT email equals in notIn lt lte gt gte contains startsWith endsWith not set'.split(' ')
const GRAPH = [
  'JAkQBBoAAB8AMBsAAAQAEBwAAB8AMB0BAAAAAQEAAAABACABAAAAAQAgBBoAAB8AMBsAAAQAEBwAAB8AMB0BACAAIQADAAAABAAg',
  'AwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACABHQEAAAABAQgAAAkAIAEdAQAAAAEBCAAA',
  'CwAwAQgAAAsAMAEdAQAkACECAAAAAQAgCAAADgAgAR0BACQAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAAAAEAIA8AAAkA',
  'IBAAAA4AIAEAAAABACABAAAABAAgAxUAACEAIBYAACMAIBcAACIAIAQaAAAaADAbAAAXABAcAAAaADAdAQAbACEDAAAABAAgAwAA',
  'FgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAQaAAAaADAbAAAXABAcAAAaADAdAQAbACEOFQAAHQAgFgAAHgAgFwAAHgAgHgEA',
  'AAABHwEAAAAEIAEAAAAEIQEAAAABIgEAAAABIwEAAAABJAEAAAABJQEAAAABJgEAAAABJwEAAAABKAEAHAAhDhUAAB0AIBYAAB4A',
  'IBcAAB4AIB4BAAAAAR8BAAAABCABAAAABCEBAAAAASIBAAAAASMBAAAAASQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBABwAIQge',
  'AgAAAAEfAgAAAAQgAgAAAAQhAgAAAAEiAgAAAAEjAgAAAAEkAgAAAAEoAgAdACELHgEAAAABHwEAAAAEIAEAAAAEIQEAAAABIgEA',
  'AAABIwEAAAABJAEAAAABJQEAAAABJgEAAAABJwEAAAABKAEAHgAhBBoAAB8AMBsAAAQAEBwAAB8AMB0BACAAIQseAQAAAAEfAQAA',
  'AAQgAQAAAAQhAQAAAAEiAQAAAAEjAQAAAAEkAQAAAAElAQAAAAEmAQAAAAEnAQAAAAEoAQAeACEAAAABKQEAAAABAAAAAAMVAAYW',
  'AAcXAAgAAAADFQAGFgAHFwAIAQIBAgMBBQYBBgcBBwgBCQoBCgwCCw0DDA8BDRECDhIEERMBEhQBExUCGBgFGRkJ',
].join('')

/**
 * A client of one model, as `prisma generate` configures it: its own class is one call of the runtime. The
 * command itself is left out, since it is several times as large as all libraries together.
 *
 * @param version they have other query compilers, and 6 wants an address in the schema
 */
export async function prismaClass(load: Load, version: 6 | 7): Promise<PrismaClass> {
  const compiler = version === 6 ? 'query_compiler_bg' : 'query_compiler_fast_bg'
  const address = version === 6 ? '\n  url      = "unused"' : ''
  const { getPrismaClient } = (await load('@prisma/client/runtime/client')) as Runtime
  return getPrismaClient({
    previewFeatures: [],
    clientVersion: 'test',
    engineVersion: 'test',
    activeProvider: 'postgresql',
    generator: { name: 'client', config: { engineType: 'client' }, previewFeatures: [] },
    relativePath: '..',
    datasourceNames: ['db'],
    inlineDatasources: { db: { url: { fromEnvVar: null, value: 'unused' } } },
    inlineSchema: SCHEMA.replace('URL', address),
    inlineSchemaHash: 'test',
    runtimeDataModel: {
      models: {
        User: {
          fields: [{ name: 'email', kind: 'scalar', type: 'String' }],
          dbName: 'users',
          schema: null,
        },
      },
      enums: {},
      types: {},
    },
    parameterizationSchema: { strings: [...CALLS, ...FILTERS], graph: GRAPH },
    dirname: '',
    compilerWasm: {
      getRuntime: () => load(`@prisma/client/runtime/${compiler}.postgresql.mjs`),
      async getQueryCompilerWasmModule() {
        const { wasm } = (await load(
          `@prisma/client/runtime/${compiler}.postgresql.wasm-base64.mjs`,
        )) as { wasm: string }
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'))
      },
      importName: `./${compiler}.js`,
    },
  })
}
