/** The categories of channels, as the server knows them. */
export const categories: readonly (readonly [id: string, name: string])[] = [
  ['news', 'News'],
  ['faith', 'Faith'],
  ['education', 'Education'],
  ['conference', 'Conferences'],
  ['sport', 'Sport'],
  ['music', 'Music'],
  ['culture', 'Arts and culture'],
  ['film', 'Film'],
  ['games', 'Games'],
  ['science', 'Science and technology'],
  ['business', 'Business'],
  ['community', 'Community'],
  ['kids', 'Children'],
  ['nature', 'Nature and travel'],
  ['other', 'Other'],
]

export const categoryName = (id: string): string => categories.find(([c]) => c === id)?.[1] ?? ''
