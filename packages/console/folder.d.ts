/** Absolute path of the built console, with a slash at its end: `index.html` and what it loads. */
export declare function consoleFolder(): string
