import { Chancy, job } from 'chancy'

export const double = job({ name: 'double' }, ({ n }: { n: number }): number => 2 * n)

export default new Chancy(process.env.TEST_URL ?? '', {
  schema: process.env.TEST_SCHEMA ?? '',
  jobs: double,
})
