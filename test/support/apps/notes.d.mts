import type { Chancy } from 'chancy'

declare const application: Chancy
export default application
