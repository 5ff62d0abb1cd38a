import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['e2e/**/*.spec.ts'],
    // One browser for all tests: each continues where the previous one ended.
    fileParallelism: false,
    sequence: { concurrent: false },
    bail: 1,
    hookTimeout: 60_000,
    testTimeout: 60_000,
  },
})
