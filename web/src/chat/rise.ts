import { reactions } from './emotes'

/** How many may be seen at once, and how long one rises. */
const most = 40
const lasts = 3200

/**
 * Reactions that rise over the player. They lie on its stage, so that they are there in full screen too; nobody who uses
 * a screen reader is told of each. Where motion is not welcome they stand still for a moment, counted.
 */
export class Rise {
  private readonly box = document.createElement('div')
  private readonly still = window.matchMedia('(prefers-reduced-motion: reduce)')
  private timer = 0

  constructor() {
    this.box.className = 'rise'
    this.box.setAttribute('aria-hidden', 'true')
  }

  close(): void {
    window.clearTimeout(this.timer)
    this.box.remove()
  }

  show(counts: Record<string, number>): void {
    const stage = document.querySelector('.stage')
    if (stage === null || document.visibilityState === 'hidden') return
    if (this.box.parentElement !== stage) stage.append(this.box)
    for (const [kind, sign] of reactions) {
      const n = counts[kind] ?? 0
      if (n > 0 && this.still.matches) this.count(kind, n, sign)
      else for (let i = 0; i < Math.min(n, 8); i++) this.rise(sign)
    }
  }

  private rise(sign: string): void {
    if (this.box.childElementCount >= most) return
    const one = document.createElement('span')
    one.textContent = sign
    one.style.setProperty('--x', `${Math.round(Math.random() * 100)}`)
    one.style.setProperty('--sway', `${Math.round(Math.random() * 40 - 20)}px`)
    one.style.setProperty('--wait', `${Math.round(Math.random() * 300)}ms`)
    one.addEventListener('animationend', () => one.remove())
    window.setTimeout(() => one.remove(), lasts + 1000) // an animation that does not run does not end
    this.box.append(one)
  }

  private count(kind: string, n: number, sign: string): void {
    let one = this.box.querySelector<HTMLElement>(`[data-kind="${kind}"]`)
    if (one === null) {
      one = document.createElement('span')
      one.dataset['kind'] = kind
      one.dataset['n'] = '0'
      this.box.append(one)
    }
    one.dataset['n'] = String(Number(one.dataset['n']) + n)
    one.textContent = `${sign} ${one.dataset['n']}`
    this.box.classList.add('is-still')
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => this.box.replaceChildren(), lasts)
  }
}
