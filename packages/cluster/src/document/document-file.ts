/**
 * The cluster document on disk: written whole to a temporary file, renamed, readable by the owner
 * only (it holds credentials). A file that cannot be read stops the start with its path: starting
 * empty instead would make this member forget which cluster it belongs to.
 *
 * A failover waits for this write, and a disk can be slow just then. So the write is done when the
 * system has it, which the death of any process survives; the disk is told to hurry, not awaited.
 * Should all machines lose power at once, the engines' own state says who was primary.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { type ClusterDocument, clusterDocumentSchema } from './cluster-document.ts'

/** The member that held a bucket's password in the open. */
const PASSWORD_OF_EARLIER_BUILDS = '"saslPassword"'

const fileSchema = z.object({
  self: z.number().int(),
  document: clusterDocumentSchema,
})

/** What a member remembers: the document and which of its members it is. */
export interface StoredDocument {
  self: number
  document: ClusterDocument
}

/** Raised when the stored document cannot be read or is not one. */
export class DocumentFileError extends Error {
  readonly code = 'HOLDFAST_DOCUMENT_FILE'
}

/** A file of an earlier build, which held passwords of buckets, is written anew without them. */
export async function readDocumentFile(path: string): Promise<StoredDocument | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw new DocumentFileError(`cannot read cluster document ${path}`, { cause })
  }
  let stored: StoredDocument
  try {
    stored = fileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new DocumentFileError(`cluster document ${path} is damaged; restore or remove it`, {
      cause,
    })
  }
  if (text.includes(PASSWORD_OF_EARLIER_BUILDS)) await writeDocumentFile(path, stored)
  return stored
}

export async function writeDocumentFile(path: string, stored: StoredDocument): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomUUID()}`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(stored))
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  flushSoon(path)
}

function flushSoon(path: string): void {
  open(path, 'r')
    .then((file) => file.sync().finally(() => file.close()))
    .catch(() => {
      // replaced or removed in between: the next write takes care of its own
    })
}
