import { Chancy } from 'chancy'

export const chancy = new Chancy(process.env.TEST_URL, { schema: process.env.TEST_SCHEMA })
export const other = 7
