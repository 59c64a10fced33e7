export { type BasicUser, basicAuth, hashPassword } from './basic-auth.ts'
export { bearer } from './bearer.ts'
export { type NodeListener, toNode } from './listener.ts'
export { type RunningServer, type ServeOptions, serve } from './serve.ts'
