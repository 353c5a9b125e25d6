/** How the console is built: to `dist/`, for the path `/ui/`; `vite` alone serves it with a mock. */
import prefresh from '@prefresh/vite'
import { defineConfig } from 'vite'
import { mockPlugin } from './src/mock/vite-plugin.ts'

export default defineConfig({
  base: '/ui/',
  plugins: [await prefresh(), mockPlugin()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { host: '127.0.0.1', port: 5173, strictPort: true },
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false } },
})
