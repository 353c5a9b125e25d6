/** The leader's admin connections to engines, made when first used. */
import type { Bucket } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'
import type { EnginePicture } from './picture.ts'

export class EngineControls {
  readonly #controls = new Map<string, EngineControl>()

  of(bucket: Bucket, engine: Pick<EnginePicture, 'host' | 'port' | 'address'>): EngineControl {
    const key = `${bucket.uuid}/${engine.address}`
    let control = this.#controls.get(key)
    if (!control) {
      const { host, port } = engine
      control = new EngineControl({ host, port, password: bucket.engineAdminPassword })
      this.#controls.set(key, control)
    }
    return control
  }

  close(): void {
    for (const control of this.#controls.values()) control.close()
    this.#controls.clear()
  }
}
