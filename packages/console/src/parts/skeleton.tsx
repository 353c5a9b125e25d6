import type { JSX } from 'preact'

/** Holds the place of what is being loaded, with its final height, so that nothing jumps. */
export function Skeleton(props: { heightRem: number; count?: number }): JSX.Element {
  const { heightRem, count = 1 } = props
  return (
    <div class="stack tight" aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <div key={index} class="skeleton" style={{ height: `${heightRem}rem` }} />
      ))}
    </div>
  )
}
