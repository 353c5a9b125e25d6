/** How the console is built: to `dist/`, for the path `/ui/`; `vite` alone serves it with a mock. */
import prefresh from '@prefresh/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/ui/',
  plugins: [await prefresh()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false } },
})
