/** The route by which a page, or anybody, follows other routes. */

import { messagesSchema } from './answers.ts'
import { PATHS_MAX } from './event-streams.ts'
import { inQuery, type Route } from './route.ts'

const ABOUT = `Server-sent events: \`event: watch\`, \`data: {"path", "status", "body"}\`.`

export const eventRoutes: Route[] = [
  {
    method: 'GET',
    path: '/events',
    access: 'admin',
    streams: true,
    summary: 'Answers of other paths, at once and whenever they change, as server-sent events.',
    parameters: [
      inQuery(
        'watch',
        'string',
        `Path of a GET route with its query; up to ${PATHS_MAX}, each in a \`watch\` of its own.`,
        { required: true },
      ),
    ],
    answers: {
      200: {
        about: `${ABOUT} A comment each second when there is nothing else; \`event: expired\` at the end of the login.`,
        type: 'text/event-stream',
      },
      400: { about: 'Too many paths, or none.', schema: messagesSchema },
      503: { about: 'Too many streams at this node.', schema: messagesSchema },
    },
    handle: (context) => {
      const query = URL.parse(context.request.url, 'http://node')?.searchParams
      context.node.eventStreams.open(context, query?.getAll('watch') ?? [])
    },
  },
]
