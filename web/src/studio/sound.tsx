import { signal, useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { channel, heard, keepSound, mayCut, setMute, sources, type Source } from './desk'
import type { Ear } from './ear'
import { Gain } from './gain'
import { Meter } from './meter'

/** What the producer listens to: a source, 'program', or '' for nothing. */
export const listening = signal('')

export const listenTo = (id: string): void => {
  listening.value = listening.value === id ? '' : id
}

export function Listen({ id, of }: { id: string; of: string }) {
  const on = listening.value === id
  return <button type="button" class="chip" aria-pressed={on} aria-label={`Listen to ${of}`} title={`Listen to ${of}: only you hear it`} onClick={() => listenTo(id)}>Listen</button>
}

/** How loud a source is, and what is made of it when it is on air. */
export function SourceSound({ s, n, ear, quiet }: { s: Source; n: number; ear: () => Ear | null; quiet: (silent: boolean) => void }) {
  const kept = channel.value?.kept?.source === s.id
  const may = mayCut.value
  return (
    <div class="tile-sound">
      <div class="tile-meter"><Meter ear={ear} label={`Sound of ${s.name}`} quiet={quiet} />{heard.value === s.id && <small class="heard">heard</small>}</div>
      <Gain s={s} />
      <div class="chips">
        <button type="button" class="chip" aria-pressed={kept} disabled={!may || (!s.sending && !kept)} aria-label={`Keep the sound of ${s.name}`} aria-keyshortcuts={'QWERTYUIO'[n - 1]} data-key={'QWERTYUIO'[n - 1]} title="Keep its sound while pictures are cut"
          onClick={() => void keepSound(kept ? '' : s.id, 0)}>Keep</button>
        <button type="button" class="chip" aria-pressed={s.mute ?? false} disabled={!may} aria-label={`Mute ${s.name}`} title="Viewers do not hear it" onClick={() => void setMute(s.id, !s.mute)}>Mute</button>
        <Listen id={s.id} of={s.name} />
      </div>
    </div>
  )
}

/** Whose sound is kept, and by how much it is moved against the pictures. */
export function SoundBar() {
  const id = useId()
  const kept = channel.value?.kept
  const delay = useSignal<number | null>(null)
  const shown = delay.value ?? kept?.delay ?? 0
  const send = () => {
    const to = delay.value
    if (kept && to !== null && Number.isFinite(to) && to !== (kept.delay ?? 0)) void keepSound(kept.source, Math.round(Math.min(3000, Math.max(-1000, to))))
    delay.value = null
  }
  return (
    <div class="sound-bar" role="group" aria-label="Sound of the program">
      <label for={id}>Sound</label>
      <select id={id} disabled={!mayCut.value} value={kept?.source ?? ''} onChange={(e) => void keepSound(e.currentTarget.value, 0)}>
        <option value="">follows the pictures</option>
        {sources.value.map((s) => <option key={s.id} value={s.id}>of {s.name}, kept under all pictures</option>)}
      </select>
      {kept && (
        <>
          <label for={`${id}-d`}>later by</label>
          <span class="delay"><input id={`${id}-d`} type="number" min={-1000} max={3000} step={10} value={shown} disabled={!mayCut.value} onInput={(e) => (delay.value = e.currentTarget.valueAsNumber)} onBlur={send} onKeyDown={(e) => e.key === 'Enter' && send()} /> ms</span>
        </>
      )}
    </div>
  )
}
