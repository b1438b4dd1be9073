import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { alone, steps } from './words'

/** A line over time. Who does not see it gets its words, and the table below. least is the smallest difference that format tells apart. */
export function Chart({ x, y, label, words, format, least }: { x: number[]; y: (number | null)[]; label: string; words: string; format: (v: number) => string; least: number }) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  useEffect(() => {
    const at = box.current!
    const draw = () => {
      plot.current?.destroy()
      const style = getComputedStyle(at)
      const [ink, line, lamp] = ['--soft', '--line', '--lamp'].map((name) => style.getPropertyValue(name).trim()) as [string, string, string]
      const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '13px system-ui, sans-serif' }
      plot.current = new UPlot({
        width: at.clientWidth, height: at.clientWidth < 500 ? 200 : 240,
        legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { size: 9 } },
        scales: { y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, 1)] } },
        axes: [{ ...axis, values: [[86400, '{D} {MMM}', null, null, null, null, null, null, 1], [3600, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1], [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1]] }, { ...axis, size: 62, incrs: steps(least), values: (_u, ticks) => ticks.map(format) }],
        series: [{}, { label, stroke: lamp, width: 2, fill: `color-mix(in srgb, ${lamp} 16%, transparent)`, points: { show: true, size: 7, fill: lamp, filter: () => alone(y) } }],
        hooks: {
          setCursor: [(u) => {
            const i = u.cursor.idx
            const said = at.parentElement?.querySelector('output')
            if (said) said.textContent = i == null || u.data[0]![i] === undefined ? '' : `${new Date(u.data[0]![i]! * 1000).toLocaleString('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' })}: ${format(u.data[1]![i] ?? 0)}`
          }],
        },
      }, [x, y], at)
    }
    draw()
    const sized = new ResizeObserver(() => plot.current && plot.current.width !== at.clientWidth && draw())
    sized.observe(at)
    const look = window.matchMedia('(prefers-color-scheme: light)')
    look.addEventListener('change', draw)
    return () => {
      sized.disconnect()
      look.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = null
    }
  }, [x, y])
  return (
    <figure class="chart">
      <figcaption><strong>{label}</strong><output class="dim" aria-hidden="true" /></figcaption>
      <div ref={box} role="img" aria-label={`${label}: ${words}`} />
    </figure>
  )
}
