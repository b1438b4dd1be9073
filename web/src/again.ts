/** How often a part of a page is asked for, about a minute all in all: a fleet that loses nodes has others by then. */
const tries = 8

/** Fetches a part of the page that comes later; if it does not come, it is asked for again. */
export async function fetched<T>(part: () => Promise<T>, sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await part()
    } catch (e) {
      if (n === tries) throw e
      await sleep(Math.min(500 * 2 ** n, 15_000))
    }
  }
}
