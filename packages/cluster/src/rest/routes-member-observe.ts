/** Routes by which members ask each other for figures and events. Not public. */
import { seriesQuestionSchema } from '../observe/statistics-series.ts'
import { ApiError } from './api-error.ts'
import type { Route } from './route.ts'

export const memberObserveRoutes: Route[] = [
  {
    method: 'GET',
    path: '/internal/figures',
    access: 'member',
    summary: '',
    handle: ({ node }) => {
      const figures = node.observer.ownFigures()
      if (figures === null) throw new ApiError(503, 'no figures yet\n')
      return figures
    },
  },
  {
    method: 'GET',
    path: '/internal/events',
    access: 'member',
    summary: '',
    handle: ({ node }) => node.observer.events.entries,
  },
  {
    method: 'GET',
    path: '/internal/proxies',
    access: 'member',
    summary: '',
    handle: ({ node }) => node.observer.proxies.list(),
  },
  {
    method: 'GET',
    path: '/internal/statistics',
    access: 'member',
    summary: '',
    handle: async ({ node, query, reply }) => {
      const question = seriesQuestionSchema.parse(JSON.parse(query.q ?? '{}'))
      reply.type('application/json')
      return node.statistics.readText(question)
    },
  },
]
