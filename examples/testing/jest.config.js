export default {
  testMatch: ['**/*.jest.js'],
  transform: {},
  globalSetup: 'chancy/testing/server',
}
