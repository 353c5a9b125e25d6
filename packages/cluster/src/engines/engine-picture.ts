/** Reads the engine's INFO and CLUSTER NODES texts. Pure. */

/** One line of CLUSTER NODES. */
export interface NodeLine {
  id: string
  address: string
  myself: boolean
  role: 'primary' | 'replica'
  failed: boolean
  handshake: boolean
  primaryId: string
  configEpoch: number
  slots: [number, number][]
}

/** `name:value` lines of INFO. */
export function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** Format: id ip:port@bus[,host] flags primary ping pong epoch link slots... */
export function parseClusterNodes(text: string): NodeLine[] {
  return text
    .trim()
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => {
      const [id = '', address = '', flagText = '', primary = '-', , , epoch = '0', , ...slots] =
        line.split(' ')
      const flags = flagText.split(',')
      return {
        id,
        address: address.split('@')[0] ?? '',
        myself: flags.includes('myself'),
        role: flags.includes('slave') ? 'replica' : 'primary',
        failed: flags.includes('fail') || flags.includes('noaddr'),
        handshake: flags.includes('handshake'),
        primaryId: primary === '-' ? '' : primary,
        configEpoch: Number(epoch),
        slots: slots.filter((s) => !s.startsWith('[')).map(slotRange),
      }
    })
}

function slotRange(text: string): [number, number] {
  const [from = '', to] = text.split('-')
  return [Number(from), Number(to ?? from)]
}
