import { useId } from 'preact/hooks'
import { categories } from '../categories'
import { byName, common, languageName } from '../languages'

/** A choice of one among many. */
export function Choice({ name, label, value, options, hint }: { name: string; label: string; value: string; options: readonly (readonly [id: string, name: string])[]; hint?: string }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} aria-describedby={hint ? `${id}-hint` : undefined}>
        {options.map(([o, words]) => <option key={o} value={o} selected={o === value}>{words}</option>)}
      </select>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}

export const CategoryChoice = ({ value = '' }: { value?: string | undefined }) => <Choice name="category" label="Category" value={value} options={[['', 'None'], ...categories]} />

/** The language of the browser comes first to whoever makes a channel. */
export const ownLanguage = (): string => {
  const wish = typeof navigator === 'undefined' ? '' : navigator.language
  return (common as readonly string[]).find((l) => l === wish) ?? (common as readonly string[]).find((l) => l === wish.split('-')[0]) ?? ''
}

export function LanguageChoice({ value = '' }: { value?: string | undefined }) {
  const known = new Set<string>(common)
  if (value !== '') known.add(value)
  return <Choice name="language" label="Language" value={value} options={[['', 'Not said'], ...byName(known).map((l) => [l, languageName(l)] as const)]} />
}

export function Words({ name, label, value, hint, rows = 3 }: { name: string; label: string; value: string; hint?: string; rows?: number }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} name={name} rows={rows} maxLength={2000} defaultValue={value} aria-describedby={hint ? `${id}-hint` : undefined} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}

/** The tags in a field, divided by commas. */
export const tagsIn = (text: string): string[] => text.split(/[,\n]/).map((t) => t.trim()).filter((t) => t !== '')
