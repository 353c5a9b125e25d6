/**
 * The leader's own question to an engine that its manager finds silent: a manager that is starved
 * of processor time finds everything silent. Acts only.
 */
import { once } from 'node:events'
import type { Bucket } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'
import type { EnginePicture } from './picture.ts'

/** How long the engine has to answer. */
const SECOND_OPINION_MS = 250

/** Whether it answers in a connection made for the question. */
export async function answersAtOnce(engine: EnginePicture, bucket: Bucket): Promise<boolean> {
  const { host, port } = engine
  const control = new EngineControl({ host, port, password: bucket.engineAdminPassword })
  const signal = AbortSignal.timeout(SECOND_OPINION_MS)
  const tooLate = once(signal, 'abort').then(() => Promise.reject(new Error('no answer')))
  try {
    await Promise.race([control.call('PING'), tooLate])
    return true
  } catch {
    return false
  } finally {
    control.close()
  }
}
