/** The thread that the statistics' file lives in: a disk that is slow holds up nobody else. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Sample, type SeriesQuestion, StatisticsStore } from './statistics-store.ts'

/** What the thread is asked; a question with an `id` is answered. */
export type StatisticsRequest =
  | { kind: 'add'; atMs: number; samples: Sample[] }
  | { kind: 'keep'; buckets: string[] }
  | ({ kind: 'read'; id: number } & SeriesQuestion)
  | { kind: 'close' }

/** The answer: a series, or why there is none. */
export type StatisticsAnswer = { id: number; text: string } | { id: number; error: string }

const store = new StatisticsStore(String(workerData))

parentPort?.on('message', (request: StatisticsRequest) => {
  switch (request.kind) {
    case 'add':
      store.add(request.atMs, request.samples)
      return
    case 'keep':
      store.keep(request.buckets)
      return
    case 'read':
      parentPort?.postMessage(answer(request))
      return
    case 'close':
      store.close()
      parentPort?.close()
  }
})

function answer(request: Extract<StatisticsRequest, { kind: 'read' }>): StatisticsAnswer {
  const { id } = request
  try {
    return { id, text: JSON.stringify(store.read(request)) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}
