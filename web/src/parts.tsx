/** The sign of Mayfly: two wings and a thread. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M15 18C7 16 5 9 6 5c5 0 9 5 9 13Z" />
      <path d="M17 18c8-2 10-9 9-13-5 0-9 5-9 13Z" />
      <path d="M16 15v12" />
    </svg>
  )
}

export function Brand({ plain = false }: { plain?: boolean }) {
  const inside = <><Mark /><span>Mayfly</span></>
  return plain ? inside : <a class="brand" href="/" aria-label="Mayfly, to the guide">{inside}</a>
}

export function Badge({ kind, children }: { kind: 'live' | 'behind' | 'off' | 'wait'; children: preact.ComponentChildren }) {
  return (
    <span class={`badge badge-${kind}`}>
      <i aria-hidden="true" />
      {children}
    </span>
  )
}

/** Concentric rings, as where something touched the water. They move only where motion is welcome. */
export function Ripples() {
  return (
    <svg class="ripples" viewBox="0 0 400 400" aria-hidden="true">
      {[40, 76, 118, 166, 220, 280].map((r, i) => (
        <ellipse key={r} cx="200" cy="200" rx={r} ry={r * 0.34} style={`--i:${i}`} />
      ))}
    </svg>
  )
}
