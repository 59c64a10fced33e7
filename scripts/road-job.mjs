// The job of road.mjs, in a module that children can load.
import { job } from '../dist/index.js'

export const hello = job({ name: 'hello', queue: 'road' }, () => 'done')
