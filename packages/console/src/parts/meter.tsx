/** Bars: a share of a whole, and how far something is that runs. */
import type { JSX } from 'preact'
import type { Tone } from './tone.ts'

/** A share of a whole: as words, and as a bar whose colour says no more than the words. */
export function Meter(props: {
  name: string
  value: number
  max: number
  /** Such as `412 MB of 1 GB`. */
  text: string
  tone?: Tone
  /** Leaves name and text to what stands beside the bar. */
  bare?: boolean
}): JSX.Element {
  const { name, value, max, text } = props
  const share = max > 0 ? Math.min(Math.max(value / max, 0), 1) : 0
  const tone = props.tone ?? (share >= 0.95 ? 'bad' : share >= 0.85 ? 'warning' : 'plain')
  return (
    <div class="meter">
      {props.bare ? null : (
        <div class="meter-line small">
          <span>{name}</span>
          <span class="quiet">{text}</span>
        </div>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: what <meter> looks like cannot be styled alike */}
      <div
        class="meter-track"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={text}
      >
        <div class={`meter-bar tone-${tone}`} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  )
}

/** How far something is that runs. */
export function Progress(props: { name: string; share: number; text?: string }): JSX.Element {
  const percent = Math.round(Math.min(Math.max(props.share, 0), 1) * 100)
  return (
    <div class="meter">
      <div class="meter-line small">
        <span>{props.name}</span>
        <span class="quiet">{props.text ?? `${percent} %`}</span>
      </div>
      <div
        class="meter-track"
        role="progressbar"
        aria-label={props.name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <div class="meter-bar" style={{ width: `${percent}%` }} />
      </div>
    </div>
  )
}
