/** Languages that are offered; any other BCP 47 code can be written. */
export const common = [
  'ar', 'bg', 'bn', 'ca', 'cs', 'cy', 'da', 'de', 'el', 'en', 'es', 'et', 'eu', 'fa', 'fi', 'fil', 'fr', 'ga', 'he', 'hi', 'hr', 'hu', 'id', 'is', 'it', 'ja', 'ko', 'lt', 'lv',
  'ms', 'nb', 'nl', 'pl', 'pt', 'pt-BR', 'ro', 'ru', 'sk', 'sl', 'sr', 'sv', 'sw', 'ta', 'te', 'th', 'tr', 'uk', 'ur', 'vi', 'zh-Hans', 'zh-Hant',
] as const

let names: Intl.DisplayNames | null = null

/** "Portuguese (Brazil)"; a code that the browser does not know stays what it is. */
export function languageName(tag: string): string {
  try {
    names ??= new Intl.DisplayNames(['en'], { type: 'language' })
    return names.of(tag) ?? tag
  } catch {
    return tag
  }
}

/** Codes in the order of their names. */
export const byName = (tags: Iterable<string>): string[] => [...tags].sort((a, b) => languageName(a).localeCompare(languageName(b)))
