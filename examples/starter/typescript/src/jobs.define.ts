import { defineJob } from 'chancy'

/** Options and types without code, so that what pushes the job loads none of it. */
export const greet = defineJob<{ name: string }, string>({ name: 'greet', maxAttempts: 3 })
