/*
 * The pages docs/reference/*-session-differences.md, made from the tables of cases that run against
 * the original and against ours, so that a page cannot claim what no test has seen.
 */
export interface Judged {
  name: string
  differs?: string
}

export interface DifferencesPage {
  /** The npm package of the original. */
  original: string
  version: string
  /** Ours. */
  binding: string
  /** What no case can show: deadlines, surroundings. */
  further: readonly string[]
  cases: readonly Judged[]
}

export function differencesPage(page: DifferencesPage): string {
  const { original, version, binding, cases, further } = page
  const different = cases.filter(({ differs }) => differs !== undefined)
  const equal = cases.filter(({ differs }) => differs === undefined)
  return [
    `# ${binding} and ${original}`,
    '',
    `Every line here is a test that runs the same requests against ${original} ${version} and against`,
    `\`${binding}\`: what is said to be equal came out equal, what is said to differ did not.`,
    '',
    '## Different',
    '',
    `| ${original} | here |`,
    '|---|---|',
    ...different.map(({ name, differs }) => `| ${name} | ${differs} |`),
    '',
    '## Further differences',
    '',
    ...further.map((text) => `- ${text}`),
    '',
    '## Equal',
    '',
    ...equal.map(({ name }) => `- ${name}`),
    '',
  ].join('\n')
}
