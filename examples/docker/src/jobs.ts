import { job } from 'chancy'

export const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)
