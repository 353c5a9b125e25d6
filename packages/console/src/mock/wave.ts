/** Figures that move like those of a busy cluster, the same for the same time. Pure. */

const MINUTE_MS = 60_000

/** Around `base`, with a slow wave and some noise. */
export function wave(timeMs: number, of: { base: number; seed: number }): number {
  const { base, seed } = of
  const slow = Math.sin(timeMs / (11 * MINUTE_MS) + seed) * 0.18
  const quick = Math.sin(timeMs / 9000 + seed * 2.3) * 0.07
  return Math.max(0, base * (1 + slow + quick + (noise(timeMs, seed) - 0.5) * 0.1))
}

function noise(timeMs: number, seed: number): number {
  const mixed = Math.sin(Math.floor(timeMs / 1000) * 12.9898 + seed * 78.233) * 43_758.5453
  return mixed - Math.floor(mixed)
}
