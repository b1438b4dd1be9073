import { computed, effect, signal, useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { matches } from '../library/find'
import { call } from '../people/api'
import { clock } from '../words'
import { back, clipOf, countdown, cutTo, lasts, nextClips, rehearsedCue, sourceOf, whereIn, type Clip } from './cue'
import { channel, cutting, feedClock, mayCut, onAir, play, sources } from './desk'

/** The clips that can be played, newest first. */
export const clips = signal<Clip[]>([])

const search = signal('')
const after = signal<string>(back)
const board = signal('')
const boards = signal<{ id: string; name: string }[]>([])
const placed = signal<string[] | null>(null)

/** Those that are listed: all that match the search, or those of a storyboard in its order. */
export const listed = computed<Clip[]>(() => {
  const all = placed.value === null ? clips.value : placed.value.flatMap((id) => clips.value.find((c) => c.id === id) ?? [])
  return all.filter((c) => matches(c, search.value))
})

/** The clips that are played on cue, on air or in a rehearsal. */
const cueOn = computed(() => {
  const r = channel.value?.rehearsal
  if (!r) return channel.value?.onAir?.cue
  const clip = clips.value.find((c) => c.id === clipOf(r.source))
  return clip && rehearsedCue(clip, r.at)
})

/** The keys of the lowest row play the clips that are listed first. */
export const clipKeys = 'ZCVBNM'

export const titleOf = (source: string | undefined): string => clips.value.find((c) => c.id === clipOf(source))?.title ?? 'a clip'

/** Plays the nth clip of those that are listed. */
export function playNth(n: number): void {
  const c = listed.value[n]
  if (c) void play(cutTo(c.id, listed.value, after.value))
}

const lookEvery = 15_000

/** Clips beside the sources, and what follows when one is over. */
export function Clips() {
  const path = `/channels/${encodeURIComponent(channel.value!.slug)}`
  const revision = channel.value!.revision
  useEffect(() => {
    const look = async () => {
      clips.value = (await call<{ clips: Clip[] }>('GET', `${path}/clips`)).clips.filter((c) => c.state === 'ready')
      boards.value = (await call<{ storyboards: { id: string; name: string }[] }>('GET', `${path}/storyboards`)).storyboards
    }
    const quietly = () => void look().catch(() => {})
    quietly()
    const timer = window.setInterval(() => document.visibilityState === 'visible' && quietly(), lookEvery)
    return () => window.clearInterval(timer)
  }, [path, revision])
  useEffect(() => effect(() => {
    const id = board.value
    placed.value = null
    if (id === '') return
    void call<{ clips?: { channel?: string; clip: string }[] }>('GET', `${path}/storyboards/${id}`).then(
      (b) => board.value === id && (placed.value = (b.clips ?? []).filter((p) => !p.channel).map((p) => p.clip)),
      () => (board.value = ''),
    )
  }), [path])
  if (clips.value.length === 0) return null
  return (
    <section class="cues" aria-labelledby="clips">
      <div class="cues-head">
        <h2 id="clips">Clips</h2>
        {boards.value.length > 0 && <Choose label="Of" value={board} options={[['', 'the library'], ...boards.value.map((b) => [b.id, b.name] as const)]} />}
        <Choose label="Then" value={after} options={[[back, 'back to what was on air'], [nextClips, 'on to the next clips'], ...sources.value.map((s) => [s.id, s.name] as const), ['autopilot', 'the plan'], ['off', 'off air']]} />
        {clips.value.length > 9 && <input type="search" class="search" placeholder="Find" aria-label="Find clips" value={search.value} onInput={(e) => (search.value = e.currentTarget.value)} />}
      </div>
      {listed.value.length === 0 ? <p class="dim">No clip is found.</p> : <ul class="cue-list">{listed.value.map((c, i) => <Cued key={`${c.id} ${i}`} c={c} n={i} />)}</ul>}
    </section>
  )
}

function Choose({ label, value, options }: { label: string; value: { value: string }; options: (readonly [string, string])[] }) {
  const id = useId()
  return (
    <span class="cue-choice">
      <label for={id}>{label}</label>
      <select id={id} value={value.value} onChange={(e) => (value.value = e.currentTarget.value)}>{options.map(([v, words]) => <option key={v} value={v}>{words}</option>)}</select>
    </span>
  )
}

function Cued({ c, n }: { c: Clip; n: number }) {
  const now = useNow()
  const cue = cueOn.value
  const on = cue && onAir.value !== '' ? whereIn(cue, now) : null
  const plays = on?.clip === c.id
  const comes = cutting.value?.source === sourceOf(c.id)
  return (
    <li class={`cue ${plays ? 'is-air' : ''}`}>
      <button type="button" class="cue-play" disabled={!mayCut.value} aria-busy={comes} aria-keyshortcuts={clipKeys[n]} aria-label={`Play ${c.title}, ${clock(lasts(c))}`} onClick={() => playNth(n)}>
        <span class="picture">
          {c.poster ? <img src={c.poster} alt="" loading="lazy" /> : <span class="picture-word">No poster</span>}
          <span class={`cue-time ${plays ? 'is-air' : ''}`}>{plays ? countdown(on.left) : clock(lasts(c))}</span>
        </span>
        <span class="cue-line">{n < clipKeys.length && <kbd>{clipKeys[n]}</kbd>}<strong>{c.title}</strong></span>
      </button>
    </li>
  )
}

/** The server's time, as often as a countdown needs it; while no clip plays only now and then. */
function useNow(): number {
  const now = useSignal(feedClock())
  const runs = cueOn.value !== undefined
  useEffect(() => {
    if (!runs) return
    now.value = feedClock()
    const timer = window.setInterval(() => (now.value = feedClock()), 100)
    return () => window.clearInterval(timer)
  }, [runs])
  return now.value
}

/** How long the clip on air still plays, and what comes then. */
export function Countdown() {
  const now = useNow()
  const cue = cueOn.value
  const on = cue && onAir.value !== '' ? whereIn(cue, now) : null
  if (!cue || on === null) return null
  const last = cue.clips[cue.clips.length - 1]?.clip === on.clip
  const next = cue.clips[cue.clips.findIndex((c) => c.clip === on.clip) + 1]
  const name = sources.value.find((s) => s.id === cue.then)?.name
  const then = !last && next ? titleOf(sourceOf(next.clip)) : (name ?? (cue.then === 'autopilot' ? 'the plan' : cue.then === 'off' ? 'off air' : 'what is live'))
  return <p class={`cue-now ${on.left < 10 ? 'is-close' : ''}`} role="timer" aria-label="Time left of the clip"><strong>{countdown(on.left)}</strong><span>left of {titleOf(sourceOf(on.clip))}. Then {then}.</span></p>
}
