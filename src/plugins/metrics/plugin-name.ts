export const METRICS = 'chancy.metrics'
