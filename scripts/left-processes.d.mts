export function endProcessesIn(folder: string, timeoutMs?: number): Promise<string[]>
