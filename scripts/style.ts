// The part of the project's style that a formatter does not check: file length, names, words, and
// the prose at the head of each larger file. Pure: it is given the files.
import { basename } from 'node:path'

const FILE_LINES_MAX = 400
const COLUMNS_MAX = 100
const HEADLESS_LINES_MAX = 60
const NAME_PARTS_REFUSED = ['helper', 'helpers', 'util', 'utils', 'impl', 'common', 'data', 'info']
const WORDS_REFUSED = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X']

/** Every breach of the style as one line of text; none for a clean tree. */
export function findStyleBreaches(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) =>
    [...judgeName(path), ...judgeText(path, text)].map((breach) => `${path}: ${breach}`),
  )
}

function judgeName(path: string): string[] {
  const name = basename(path)
  const breaches: string[] = []
  if (!/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name)) breaches.push('the name is not kebab-case')
  const parts = name.split(/[.-]/)
  const refused = parts.filter((part) => NAME_PARTS_REFUSED.includes(part))
  if (parts.includes('manager') && !name.startsWith('session-manager')) refused.push('manager')
  for (const part of refused) breaches.push(`the name says "${part}", which says nothing`)
  return breaches
}

function judgeText(path: string, text: string): string[] {
  const lines = text.trimEnd().split('\n')
  const breaches: string[] = []
  if (lines.length > FILE_LINES_MAX)
    breaches.push(`${lines.length} lines, more than ${FILE_LINES_MAX}`)
  const isTest = path.includes('.test.')
  const head = lines[lines[0]?.startsWith('#!') ? 1 : 0] ?? ''
  if (!isTest && lines.length > HEADLESS_LINES_MAX && !/^\/[/*]/.test(head)) {
    breaches.push('does not open with prose on what it is for')
  }
  for (const [index, line] of lines.entries()) {
    for (const word of WORDS_REFUSED) {
      if (new RegExp(`\\b${word}\\b`).test(line)) breaches.push(`line ${index + 1} says ${word}`)
    }
    if (/^\s*(\/\/|\*).{0,}$/.test(line) && line.length > COLUMNS_MAX) {
      breaches.push(`line ${index + 1} is a comment of more than ${COLUMNS_MAX} columns`)
    }
    const className = line.match(/^(?:export )?(?:abstract )?class (\w+)/)?.[1]
    if (className !== undefined && /(Helper|Util|Impl|Manager)$/.test(className)) {
      if (className !== 'SessionManager') breaches.push(`the class name ${className} says nothing`)
    }
  }
  return breaches
}
