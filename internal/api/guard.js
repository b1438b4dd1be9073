// Runs in every page before all else. A page is made of several files, and the node that answers may die in between: what
// did not come is fetched again.
(() => {
  const first = 1000 // ms
  const longest = 15_000
  const key = 'mayfly:again'
  const wait = (times) => Math.min(first * 2 ** times, longest)
  const times = () => {
    try {
      return Number(sessionStorage.getItem(key)) || 0
    } catch {
      return 2 // a frame that may keep nothing
    }
  }
  const note = (n) => {
    try {
      sessionStorage.setItem(key, n)
    } catch {}
  }
  let failed = false
  const styles = new Map() // how often each failed
  addEventListener('error', ({ target }) => {
    if (target instanceof HTMLLinkElement && target.rel === 'stylesheet') {
      const n = styles.get(target.href) ?? 0
      styles.set(target.href, n + 1)
      setTimeout(() => target.replaceWith(target.cloneNode()), wait(n))
    } else if (target instanceof HTMLScriptElement && !failed) {
      // A module that did not come is not asked for again by this page.
      failed = true
      const n = times()
      note(n + 1)
      setTimeout(() => location.reload(), wait(n))
      const words = document.createElement('p')
      words.className = 'noscript'
      words.setAttribute('role', 'status')
      words.textContent = 'This page did not come whole. It is fetched again in a moment.'
      document.getElementById('app')?.replaceChildren(words)
    }
  }, true)
  addEventListener('load', () => failed || note(0))
})()
