import react from '@vitejs/plugin-react'
import type { ServerResponse } from 'node:http'
import type { ProxyOptions } from 'vite'
import { defineConfig } from 'vitest/config'

const API = process.env['DRIVESTREAM_API_URL'] ?? 'http://127.0.0.1:3000'

// The page calls /api/* on its own origin, here as behind nginx, so it needs neither CORS nor an
// address of the API baked into it.
const proxy: Record<string, ProxyOptions> = {
  '/api': {
    target: API,
    changeOrigin: true,
    rewrite: (path) => path.replace(/^\/api/, ''),
    configure: (server) => {
      // Vite's own answer is a bare 500, which the page would take for a fault of the API.
      server.on('error', (_error, _request, response) => {
        if ('writeHead' in response && !response.headersSent) answerUnreachable(response)
      })
    },
  },
}

function answerUnreachable(response: ServerResponse): void {
  response.writeHead(502, { 'content-type': 'text/plain' })
  response.end('The API does not answer.')
}

export default defineConfig({
  plugins: [react()],
  server: { host: '127.0.0.1', port: 5173, strictPort: true, proxy },
  preview: { host: '127.0.0.1', port: 5173, strictPort: true, proxy },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    restoreMocks: true,
    testTimeout: 30_000,
    env: { DEBUG_PRINT_LIMIT: '0' },
  },
})
