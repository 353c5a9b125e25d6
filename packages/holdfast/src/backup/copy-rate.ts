/** Megabytes per second of a copy, unless something else is asked for. */
export const RATE_DEFAULT = '32'
