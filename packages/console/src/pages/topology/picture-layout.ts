/**
 * Where everything of the picture stands, for a given width: three columns with a trunk between
 * proxies and servers, or one column with the trunk at its left where it is narrow. Pure.
 */
import {
  NOBODY,
  type Picture,
  type PictureBox,
  type PictureNode,
  type PictureRow,
} from './picture-model.ts'

export const NARROW_BELOW_PX = 720
const BOX_HEIGHT = 46
/** Name and detail on one line. */
export const FLAT_BOX_HEIGHT = 32
const GAP = 12
const HEADING = 26
const NODE_HEAD = 48
const ROW_GAP = 8
const CELL_HEIGHT = 22
const CELL_WIDTH_MIN = 22
const CELL_WIDTH_MAX = 64
const LABEL_WIDTH = 92
const PADDING = 12

export interface Placed {
  x: number
  y: number
  width: number
  height: number
}

export interface PlacedBox extends Placed {
  box: PictureBox
}

export interface PlacedCell extends Placed {
  shard: number
  role: PictureRow['cells'][number]['role'] | 'none'
}

export interface PlacedRow {
  bucket: string
  x: number
  y: number
  cells: PlacedCell[]
}

export interface PlacedNode extends Placed {
  node: PictureNode
  rows: PlacedRow[]
}

export interface Line {
  id: string
  from: [x: number, y: number]
  to: [x: number, y: number]
  isBroken: boolean
}

export interface Layout {
  width: number
  height: number
  headings: { text: string; x: number; y: number }[]
  apps: PlacedBox[]
  proxies: PlacedBox[]
  nodes: PlacedNode[]
  lines: Line[]
}

export function layoutPicture(picture: Picture, width: number): Layout {
  return width < NARROW_BELOW_PX ? narrow(picture, width) : wide(picture, width)
}

function wide(picture: Picture, width: number): Layout {
  const boxWidth = Math.min(200, Math.max(150, width * 0.19))
  const appX = 0
  const proxyX = boxWidth + 40
  const trunkX = proxyX + boxWidth + 30
  const nodeX = trunkX + 30
  const nodeWidth = width - nodeX - 1
  const heights = picture.nodes.map((node) => nodeHeight(node, nodeWidth, false))
  const nodesHeight = stackHeight(heights)
  const boxesHeight = (boxes: readonly unknown[]): number =>
    stackHeight(boxes.map(() => BOX_HEIGHT))
  const inner = Math.max(nodesHeight, boxesHeight(picture.apps), boxesHeight(picture.proxies))
  const startOf = (height: number): number => HEADING + (inner - height) / 2
  const column = (boxes: readonly PictureBox[], x: number): PlacedBox[] =>
    boxes.map((box, index) => ({
      box,
      x,
      y: startOf(boxesHeight(boxes)) + index * (BOX_HEIGHT + GAP),
      width: boxWidth,
      height: BOX_HEIGHT,
    }))
  const apps = column(picture.apps, appX)
  const proxies = column(picture.proxies, proxyX)
  const nodes = stackNodes(picture.nodes, heights, {
    x: nodeX,
    y: startOf(nodesHeight),
    width: nodeWidth,
    isNarrow: false,
  })
  const nodeLines = nodes.map((n) => stub(n, trunkX, n.x, !n.node.isUp))
  const proxyLines = proxies
    .filter(isThere)
    .map((p) => stub({ ...p, node: p.box }, p.x + p.width, trunkX, false))
  return {
    width,
    height: HEADING + inner + 2,
    headings: [
      { text: 'Applications', x: appX, y: 14 },
      { text: 'Proxies', x: proxyX, y: 14 },
      { text: 'Servers', x: nodeX, y: 14 },
    ],
    apps,
    proxies,
    nodes,
    lines: [
      ...appLines(apps, proxies),
      ...proxyLines,
      ...nodeLines,
      ...trunk('trunk', trunkX, [...proxyLines, ...nodeLines]),
    ],
  }
}

function narrow(picture: Picture, width: number): Layout {
  const trunkX = 6
  const x = 22
  const boxWidth = width - x - 1
  let y = 0
  const headings: Layout['headings'] = []
  const section = (text: string): void => {
    headings.push({ text, x, y: y + 14 })
    y += HEADING
  }
  const column = (boxes: readonly PictureBox[]): PlacedBox[] =>
    boxes.map((box) => {
      const placed = { box, x, y, width: boxWidth, height: FLAT_BOX_HEIGHT }
      y += FLAT_BOX_HEIGHT + ROW_GAP
      return placed
    })
  section('Applications')
  const apps = column(picture.apps)
  section('Proxies')
  const proxies = column(picture.proxies)
  section('Servers')
  const heights = picture.nodes.map((node) => nodeHeight(node, boxWidth, true))
  const nodes = stackNodes(picture.nodes, heights, { x, y, width: boxWidth, isNarrow: true })
  y += stackHeight(heights) + 2
  const lines = [
    ...[...apps, ...proxies]
      .filter(isThere)
      .map((p) => stub({ ...p, node: p.box }, trunkX, x, false)),
    ...nodes.map((n) => stub(n, trunkX, x, !n.node.isUp)),
  ]
  return {
    ...{ width, height: y, headings, apps, proxies, nodes },
    lines: [...lines, ...trunk('trunk', trunkX, lines)],
  }
}

/** Each application to the proxy beside it; several of one kind fan out. */
function appLines(apps: readonly PlacedBox[], proxies: readonly PlacedBox[]): Line[] {
  return apps.filter(isThere).flatMap((app) => {
    const own = proxies.find(({ box }) => isBeside(app.box, box))
    const goals = own ? [own] : proxies.filter((one) => isThere(one) && one.box.id !== 'gateways')
    return goals.map((goal) => ({
      id: `app ${app.box.id} ${goal.box.id}`,
      from: [app.x + app.width, middle(app)],
      to: [goal.x, middle(goal)],
      isBroken: false,
    }))
  })
}

function isThere({ box }: PlacedBox): boolean {
  return box.id !== NOBODY
}

function isBeside(app: PictureBox, proxy: PictureBox): boolean {
  if (app.id === 'gateway clients') return proxy.id === 'gateways'
  return proxy.name.replace(/:\d+$/, '') === app.name
}

function middle({ y, height }: Placed): number {
  return y + height / 2
}

function stub(
  placed: Placed & { node: { id: string } },
  fromX: number,
  toX: number,
  isBroken: boolean,
): Line {
  const y = middle(placed)
  return { id: `stub ${placed.node.id}`, from: [fromX, y], to: [toX, y], isBroken }
}

function trunk(id: string, x: number, lines: readonly Line[]): Line[] {
  const ys = lines.map(({ from }) => from[1])
  if (ys.length < 2) return []
  return [{ id, from: [x, Math.min(...ys)], to: [x, Math.max(...ys)], isBroken: false }]
}

function stackHeight(heights: readonly number[]): number {
  return heights.reduce((sum, height) => sum + height + GAP, 0) - (heights.length > 0 ? GAP : 0)
}

function cellsOf(row: PictureRow, width: number, isNarrow: boolean) {
  const room = width - PADDING * 2 - (isNarrow ? 0 : LABEL_WIDTH)
  const perLine = Math.max(1, Math.min(row.shardCount, Math.floor(room / CELL_WIDTH_MIN), 16))
  const cellWidth = Math.min(CELL_WIDTH_MAX, room / perLine)
  return { perLine, cellWidth, lines: Math.ceil(row.shardCount / perLine) }
}

function rowHeight(row: PictureRow, width: number, isNarrow: boolean): number {
  return cellsOf(row, width, isNarrow).lines * CELL_HEIGHT + (isNarrow ? 18 : 0)
}

function nodeHeight({ rows }: PictureNode, width: number, isNarrow: boolean): number {
  const inner = rows.reduce((sum, row) => sum + rowHeight(row, width, isNarrow) + ROW_GAP, 0)
  return NODE_HEAD + (rows.length > 0 ? inner + PADDING - ROW_GAP : 0)
}

function stackNodes(
  nodes: readonly PictureNode[],
  heights: readonly number[],
  at: { x: number; y: number; width: number; isNarrow: boolean },
): PlacedNode[] {
  let { y } = at
  return nodes.map((node, index) => {
    const height = heights[index] ?? NODE_HEAD
    const placed = {
      node,
      x: at.x,
      y,
      width: at.width,
      height,
      rows: placeRows(node, { ...at, y }),
    }
    y += height + GAP
    return placed
  })
}

function placeRows(
  node: PictureNode,
  at: { x: number; y: number; width: number; isNarrow: boolean },
): PlacedRow[] {
  let y = at.y + NODE_HEAD
  return node.rows.map((row) => {
    const { perLine, cellWidth } = cellsOf(row, at.width, at.isNarrow)
    const left = at.x + PADDING + (at.isNarrow ? 0 : LABEL_WIDTH)
    const top = y + (at.isNarrow ? 18 : 0)
    const cells = Array.from(
      { length: row.shardCount },
      (_, shard): PlacedCell => ({
        shard,
        role: row.cells.find((cell) => cell.shard === shard)?.role ?? 'none',
        x: left + (shard % perLine) * cellWidth,
        y: top + Math.floor(shard / perLine) * CELL_HEIGHT,
        width: cellWidth - 3,
        height: CELL_HEIGHT - 3,
      }),
    )
    const placed = { bucket: row.bucket, x: at.x + PADDING, y: y + (at.isNarrow ? 12 : 14), cells }
    y += rowHeight(row, at.width, at.isNarrow) + ROW_GAP
    return placed
  })
}
