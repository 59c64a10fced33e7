import { Chancy } from 'chancy'

const schema: string = process.env.TEST_SCHEMA ?? ''
export default new Chancy(process.env.TEST_URL ?? '', { schema })
