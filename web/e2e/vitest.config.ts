import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['e2e/**/*.spec.ts'],
    // One browser for all tests: each continues where the previous one ended.
    fileParallelism: false,
    sequence: { concurrent: false },
    bail: 1,
    // What hangs is ended. A busy machine may stand still for many seconds.
    hookTimeout: 180_000,
    testTimeout: 240_000,
    expect: { poll: { timeout: 60_000, interval: 50 } },
  },
})
