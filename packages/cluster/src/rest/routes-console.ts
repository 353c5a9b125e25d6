/** Routes that the web console begins with; its files are console-files.ts. */
import { CONSOLE_PATH } from './console-files.ts'
import type { Route } from './route.ts'

const leadsTo = (path: string): Route => ({
  method: 'GET',
  path,
  access: 'open',
  summary: 'Leads to the console.',
  answers: { 301: { about: `To ${CONSOLE_PATH}.` } },
  handle: ({ reply }) => {
    reply.code(301).header('location', CONSOLE_PATH)
    return ''
  },
})

export const consoleRoutes: Route[] = [leadsTo('/'), leadsTo('/index.html')]
