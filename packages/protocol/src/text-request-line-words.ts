// Words of a command line, shared by the text and the meta lines.

const SPACE = 32

/** Where the first byte that is no blank is, or `end`. */
export function skipBlanks(buf: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && buf[at] === SPACE) at++
  return at
}

/** Where the word that begins at `from` ends. */
export function skipWord(buf: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && buf[at] !== SPACE) at++
  return at
}

/** True when the bytes from `start` to `end` are the word. */
export function equalsWord(buf: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false
  for (let index = 0; index < word.length; index++) {
    if (buf[start + index] !== word[index]) return false
  }
  return true
}

/** True when a key has a byte that ends a line or a word elsewhere. */
export function hasControlByte(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if ((buf[at] ?? 0) < SPACE) return true
  }
  return false
}
