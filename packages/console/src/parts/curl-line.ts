/** The line for a path, with the user's name; curl asks for the password. */
export function curlLine(path: string, origin: string, user: string | null): string {
  const login = user ? `-u '${user.replaceAll("'", `'\\''`)}' ` : ''
  return `curl ${login}'${origin}${path.replaceAll("'", '%27')}'`
}
