import { defineJob } from 'chancy'

/** Options without code, so that what pushes the job loads none of it. */
export const greet = defineJob({ name: 'greet', maxAttempts: 3 })
