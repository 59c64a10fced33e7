import { job } from 'chancy'
import * as defined from './jobs.define.js'

export const greet = job(defined.greet, ({ name }) => `Hello, ${name}!`)
