import { call, Problem } from '../people/api'

/** How often, and after what pauses, something is asked again. */
const pauses = [250, 600, 1200]

/**
 * Asks the API for something that does no harm if it is done twice, such as a cut: a node that dies in the middle of it
 * does not answer, and the next request through the same address finds another one.
 */
export async function insist<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, wait = (ms: number) => new Promise((done) => setTimeout(done, ms))): Promise<T> {
  for (let n = 0; ; n++) {
    try {
      return await call<T>(method, path, body)
    } catch (e) {
      const again = e instanceof Problem && (e.status === 0 || e.status === 502 || e.status === 503)
      if (!again || n >= pauses.length) throw e
      await wait(pauses[n]!)
    }
  }
}
