import react from '@vitejs/plugin-react'
import type { ServerResponse } from 'node:http'
import type { ProxyOptions } from 'vite'
import { defineConfig } from 'vitest/config'
import { firstLoad } from './firstLoad.ts'
import { HEADERS } from './headers.ts'

const API = process.env['DRIVESTREAM_API_URL'] ?? 'http://127.0.0.1:3000'

// As behind nginx, the page calls /api/* on its own origin. So it needs no CORS, and the API's address
// is not built into it.
const proxy: Record<string, ProxyOptions> = {
  '/api': {
    target: API,
    changeOrigin: true,
    rewrite: (path) => path.replace(/^\/api/, ''),
    configure: (server) => {
      // Vite's own response is a bare 500, which would look like an error of the API.
      server.on('error', (_error, _request, response) => {
        if ('writeHead' in response && !response.headersSent) answerUnreachable(response)
      })
      // Else an event stream would stay open after the API was killed, and nobody would notice for long.
      server.on('proxyRes', (answer, _request, response) => {
        answer.on('close', () => !answer.complete && response.destroy())
      })
    },
  },
}

function answerUnreachable(response: ServerResponse): void {
  response.writeHead(502, { 'content-type': 'text/plain' })
  response.end('The API is not responding.')
}

export default defineConfig({
  plugins: [react(), firstLoad()],
  server: { host: '127.0.0.1', port: 5173, strictPort: true, proxy },
  preview: { host: '127.0.0.1', port: 5173, strictPort: true, proxy, headers: HEADERS },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    restoreMocks: true,
    // One process and one jsdom for all files: setting them up costs more than the tests. Each test
    // cleans up behind itself.
    isolate: false,
    maxWorkers: 1,
    testTimeout: 90_000,
    // A machine that stands still for a moment fails a test once; a fault fails it twice.
    retry: 1,
    env: { DEBUG_PRINT_LIMIT: '0' },
  },
})
