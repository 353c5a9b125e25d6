/**
 * The leader's own question to an engine that its manager finds silent: a manager that is starved
 * of processor time finds everything silent. Acts only.
 */
import type { Bucket } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'
import { inTime } from '../in-time.ts'
import type { EnginePicture } from './picture.ts'

/** How long the engine has to answer. */
const SECOND_OPINION_MS = 250

/** Whether it answers in a connection made for the question. */
export async function answersAtOnce(engine: EnginePicture, bucket: Bucket): Promise<boolean> {
  const { host, port } = engine
  const control = new EngineControl({ host, port, password: bucket.engineAdminPassword })
  try {
    await inTime(control.call('PING'), SECOND_OPINION_MS)
    return true
  } catch {
    return false
  } finally {
    control.close()
  }
}
