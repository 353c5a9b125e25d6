/**
 * The picture itself, as SVG. What it shows is told in words by its label and by the list below it,
 * so to a screen reader it is one image.
 */
import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import {
  FLAT_BOX_HEIGHT,
  type Layout,
  type Line,
  layoutPicture,
  type PlacedBox,
  type PlacedNode,
} from './picture-layout.ts'
import type { Picture } from './picture-model.ts'

const LETTER_WIDTH_PX = 7.6
const SMALL_LETTER_WIDTH_PX = 6.9
const CORNER = 5

export function PictureView(props: { picture: Picture; label: string }): JSX.Element {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const isSettled = useRef(false)
  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    setWidth(element.clientWidth)
    return () => observer.disconnect()
  }, [])
  const layout = width > 0 ? layoutPicture(props.picture, width) : null
  // What is there from the start does not flash; what changes later does.
  const isFirst = !isSettled.current
  if (layout) isSettled.current = true
  return (
    <div ref={frame} class={isFirst ? 'picture' : 'picture settled'}>
      {layout ? (
        <svg
          width={layout.width}
          height={layout.height}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          role="img"
          aria-label={props.label}
        >
          <Lines lines={layout.lines} />
          <Headings layout={layout} />
          {[...layout.apps, ...layout.proxies].map((placed) => (
            <Box key={`${placed.x} ${placed.box.id}`} placed={placed} />
          ))}
          {layout.nodes.map((placed) => (
            <NodeBox key={placed.node.id} placed={placed} />
          ))}
        </svg>
      ) : null}
    </div>
  )
}

function Headings({ layout }: { layout: Layout }): JSX.Element {
  return (
    <>
      {layout.headings.map(({ text, x, y }) => (
        <text key={text} x={x} y={y} class="picture-heading">
          {text}
        </text>
      ))}
    </>
  )
}

function Lines({ lines }: { lines: readonly Line[] }): JSX.Element {
  return (
    <>
      {lines.map(({ id, from: [x1, y1], to: [x2, y2], isBroken }) => (
        <g key={id} class={isBroken ? 'line broken' : 'line'}>
          <line x1={x1} y1={y1} x2={x2} y2={y2} />
          {isBroken ? <path d={cross((x1 + x2) / 2, y1)} /> : null}
        </g>
      ))}
    </>
  )
}

function cross(x: number, y: number): string {
  return `M${x - 5} ${y - 5}l10 10M${x + 5} ${y - 5}l-10 10`
}

function Box({ placed }: { placed: PlacedBox }): JSX.Element {
  const { box, x, y, width, height } = placed
  const isFlat = height === FLAT_BOX_HEIGHT
  const detail = fitted(box.detail, width - 20, SMALL_LETTER_WIDTH_PX)
  const nameWidth = width - 20 - (isFlat ? detail.length * SMALL_LETTER_WIDTH_PX + 8 : 0)
  return (
    <g class={`box tone-${box.tone}`}>
      <rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx={CORNER} />
      <text x={x + 10} y={y + (isFlat ? 21 : 19)} class="box-name">
        {fitted(box.name, nameWidth, LETTER_WIDTH_PX)}
        <title>{box.name}</title>
      </text>
      <text
        x={isFlat ? x + width - 10 : x + 10}
        y={y + (isFlat ? 21 : 36)}
        text-anchor={isFlat ? 'end' : 'start'}
        class="box-detail"
      >
        {detail}
      </text>
    </g>
  )
}

function NodeBox({ placed }: { placed: PlacedNode }): JSX.Element {
  const { node, x, y, width, height, rows } = placed
  return (
    <g class={`box node tone-${node.tone} ${node.isUp ? '' : 'down'}`}>
      <rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx={CORNER} />
      <rect x={x + 0.5} y={y + 0.5} width={5} height={height - 1} rx={2} class="edge" />
      <text x={x + 14} y={y + 20} class="box-name">
        {fitted(node.name, width - 24, LETTER_WIDTH_PX)}
        <title>{node.name}</title>
      </text>
      <text x={x + 14} y={y + 37} class="box-detail state">
        {fitted(node.detail, width - 24, SMALL_LETTER_WIDTH_PX)}
      </text>
      {rows.map((row) => (
        <g key={row.bucket}>
          <text x={row.x + 2} y={row.y} class="box-detail">
            {fitted(row.bucket, 86, SMALL_LETTER_WIDTH_PX)}
            <title>{row.bucket}</title>
          </text>
          {row.cells.map((cell) => (
            <g key={`${cell.shard} ${cell.role}`} class={`cell ${cell.role}`}>
              <title>{`shard ${cell.shard} of ${row.bucket}: ${cell.role}`}</title>
              <rect
                x={cell.x + 0.5}
                y={cell.y + 0.5}
                width={cell.width - 1}
                height={cell.height - 1}
                rx={3}
              />
              {cell.role === 'none' ? null : (
                <text x={cell.x + cell.width / 2} y={cell.y + 14}>
                  {cell.shard}
                </text>
              )}
            </g>
          ))}
        </g>
      ))}
    </g>
  )
}

/** As much of a text as there is room for. */
function fitted(text: string, widthPx: number, letterPx: number): string {
  const letters = Math.floor(widthPx / letterPx)
  return text.length <= letters ? text : `${text.slice(0, Math.max(letters - 1, 1))}…`
}
