import { useSignal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { call, Problem } from './api'
import { recheck } from './whoami'

export interface Fetched<T> {
  value: Signal<T | null>
  fault: Signal<string>
  again(): Promise<void>
}

/** What a part of a page shows, asked for when the part comes and, with a pause, again and again while it is looked at. */
export function useFetched<T>(path: string, pause = 0): Fetched<T> {
  const value = useSignal<T | null>(null)
  const fault = useSignal('')
  const again = async () => {
    try {
      value.value = await call<T>('GET', path)
      fault.value = ''
    } catch (e) {
      if (e instanceof Problem && e.status === 401) await recheck()
      fault.value = e instanceof Error ? e.message : String(e)
    }
  }
  useEffect(() => {
    void again()
    if (pause === 0) return
    const timer = window.setInterval(() => document.visibilityState === 'visible' && void again(), pause)
    return () => window.clearInterval(timer)
  }, [path])
  return { value, fault, again }
}

/** The part while there is nothing to show yet, and what went wrong. */
export function Waiting<T>({ of: f }: { of: Fetched<T> }) {
  if (f.fault.value !== '') {
    return (
      <>
        <p class="alert" role="alert">{f.fault.value}</p>
        <div class="row"><button type="button" class="button ghost" onClick={() => void f.again()}>Try again</button></div>
      </>
    )
  }
  return f.value.value === null ? <p class="loading" role="status">One moment</p> : null
}
