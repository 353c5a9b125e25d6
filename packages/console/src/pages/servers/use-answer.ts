import { useEffect, useState } from 'preact/hooks'
import { RestError } from '../../rest/rest-error.ts'

export interface Answer<T> {
  body: T | null
  error: RestError | null
}

/** Asks once when the component appears, and again when `key` changes. */
export function useAnswer<T>(ask: () => Promise<T>, key: string): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ body: null, error: null })
  useEffect(() => {
    let isWanted = true
    const run = async (): Promise<void> => {
      let next: Answer<T>
      try {
        next = { body: await ask(), error: null }
      } catch (cause) {
        next = { body: null, error: RestError.of(cause) }
      }
      if (isWanted) setAnswer(next)
    }
    void run()
    return () => {
      isWanted = false
    }
  }, [key])
  return answer
}
