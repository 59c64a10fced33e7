import { Chancy } from 'chancy'

export const first = new Chancy(process.env.TEST_URL)
export const second = new Chancy(process.env.TEST_URL)
