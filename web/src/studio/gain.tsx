import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { mayCut, setGain, type Source } from './desk'
import { Latest } from './latest'

const least = -30
const most = 12
const step = 1.5

/** A gain as people write it. */
export const decibels = (gain: number): string => `${gain > 0 ? '+' : gain < 0 ? '−' : ''}${Math.abs(gain)} dB`

/** By how much viewers hear a source louder than it comes. It is heard while the slider moves. */
export function Gain({ s }: { s: Source }) {
  const moved = useSignal<number | null>(null)
  const latest = useMemo(() => new Latest<number>((gain) => setGain(s.id, gain), () => (moved.value = null)), [s.id])
  const shown = moved.value ?? s.gain ?? 0
  const move = (gain: number) => {
    moved.value = gain
    latest.put(gain)
  }
  return (
    <div class="gain">
      <span aria-hidden="true">Gain</span>
      <input type="range" aria-label={`Gain of ${s.name}`} min={least} max={most} step={step} value={shown} disabled={!mayCut.value} aria-valuetext={decibels(shown)} onInput={(e) => move(e.currentTarget.valueAsNumber)} />
      <button type="button" class="gain-value" data-zero={shown === 0} disabled={!mayCut.value} aria-label={`${decibels(shown)}: let ${s.name} be heard as it comes`} title="Back to 0 dB, as it comes" onClick={() => move(0)}>{decibels(shown)}</button>
    </div>
  )
}
