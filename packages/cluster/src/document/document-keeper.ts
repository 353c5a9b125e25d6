/**
 * Holds this member's copy of the cluster document and tells listeners when it changes.
 *
 * A document arrives in two steps: *prepared* (kept on disk, not acted on) and *committed* (a
 * majority has prepared it). Only a committed one is shown to engines, proxies and clients, so a
 * leader that is cut off with a minority cannot declare anything. A document that was prepared
 * and whose leader died is taken up by the next leader, which may find it already promised.
 */
import {
  type ClusterDocument,
  compareVersions,
  type DocumentVersion,
  type Member,
} from './cluster-document.ts'
import { writeDocumentFile } from './document-file.ts'

export class DocumentKeeper {
  readonly #path: string
  #self: number
  #current: ClusterDocument
  #pending: ClusterDocument | null = null
  #listeners: ((document: ClusterDocument) => void)[] = []
  #writing: Promise<void> = Promise.resolve()
  #lastWritten: ClusterDocument | null = null

  constructor(path: string, self: number, document: ClusterDocument) {
    this.#path = path
    this.#self = self
    this.#current = document
  }

  /** This member's id within the cluster. */
  get self(): number {
    return this.#self
  }

  /** The committed document. */
  get current(): ClusterDocument {
    return this.#current
  }

  /** The newest document known, committed or only prepared: where the next leader starts. */
  get newest(): ClusterDocument {
    const pending = this.#pending
    return pending && compareVersions(pending, this.#current) > 0 ? pending : this.#current
  }

  get selfMember(): Member | undefined {
    return this.#current.members.find((m) => m.id === this.#self)
  }

  onChange(listener: (document: ClusterDocument) => void): void {
    this.#listeners.push(listener)
  }

  /** Keeps a proposed document; false when a newer one is known. Resolves when it is on disk. */
  async prepare(document: ClusterDocument): Promise<boolean> {
    if (document.uuid !== this.#cluster) return false
    if (compareVersions(document, this.newest) < 0) return false
    if (compareVersions(document, this.newest) > 0) this.#pending = document
    await this.#write(document)
    return true
  }

  /** Commits the prepared document of that version; false when it is not here (fetch it). */
  commit(version: DocumentVersion): boolean {
    if (compareVersions(version, this.#current) <= 0) return true
    if (this.#pending === null || compareVersions(this.#pending, version) !== 0) return false
    const document = this.#pending
    this.#pending = null
    this.#show(document)
    return true
  }

  /**
   * Takes over a document that another member holds as committed. One of another cluster is left:
   * an answer may arrive when this member has just been removed from it.
   */
  async install(document: ClusterDocument): Promise<void> {
    if (!this.#isNews(document)) return
    await this.#write(document)
    if (this.#isNews(document)) this.#show(document)
  }

  #isNews(document: ClusterDocument): boolean {
    return document.uuid === this.#cluster && compareVersions(document, this.#current) > 0
  }

  /** The cluster that this member is in, or is about to be in. */
  get #cluster(): string {
    return (this.#lastWritten ?? this.#current).uuid
  }

  /** Becomes a member of another cluster, or a cluster of its own. */
  async replace(self: number, document: ClusterDocument): Promise<void> {
    await this.#write(document, self)
    this.#self = self
    this.#pending = null
    this.#show(document)
  }

  /** Writes the committed document once more, for a start that has just made it. */
  async persist(): Promise<void> {
    await this.#write(this.#current)
  }

  #show(document: ClusterDocument): void {
    this.#current = document
    for (const listener of this.#listeners) listener(document)
  }

  /** The file never goes back: what was prepared is promised, a fetched older one is not written. */
  #write(document: ClusterDocument, self: number = this.#self): Promise<void> {
    const last = this.#lastWritten ?? this.#current
    if (document.uuid === last.uuid && compareVersions(document, last) < 0) return this.#writing
    this.#lastWritten = document
    const written = this.#writing.then(() => writeDocumentFile(this.#path, { self, document }))
    this.#writing = written.catch(() => {})
    return written
  }
}
