import { useEffect } from 'preact/hooks'
import { dress } from './colours'

/** Gives the page the colours of a channel for as long as they are these, as the system's light or dark goes with them. */
export function useDress(accent: string, background: string): void {
  useEffect(() => {
    const wear = () => dress(accent, background)
    wear()
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', wear)
    return () => system.removeEventListener('change', wear)
  }, [accent, background])
}
