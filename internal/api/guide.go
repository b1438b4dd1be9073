package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/unicode/norm"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// guideInput is what is looked for in the guide.
type guideInput struct {
	Search   string `query:"search" maxLength:"200" doc:"words that must all be found in title, address, description, tags or category"`
	Category string `query:"category" maxLength:"40" doc:"id of a category"`
	Language string `query:"language" maxLength:"40" doc:"BCP 47; pt finds pt-BR too"`
	OnAir    bool   `query:"onAir" doc:"only what is on air"`
	Order    string `query:"order" enum:"watched,title,recent" default:"watched" doc:"most watched first, by title, or what began last first; what is on air comes before what is not"`
	Offset   int    `query:"offset" minimum:"0" maximum:"1000000" doc:"how many are passed over"`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"60" doc:"how many are answered at most"`
}

type guideOutput struct {
	Body struct {
		Channels   []station.Status `json:"channels"`
		Total      int              `json:"total" doc:"how many channels are found"`
		OnAir      int              `json:"onAir" doc:"how many of them are on air"`
		Categories []Tally          `json:"categories" doc:"of all channels of the guide, whatever is looked for"`
		Languages  []Tally          `json:"languages" doc:"likewise; without regions"`
	}
}

// Tally says how many channels there are of a kind.
type Tally struct {
	ID    string `json:"id"`
	Count int    `json:"count"`
}

func (a *API) registerGuide(doc huma.API) {
	huma.Register(doc, operation(http.MethodGet, "/guide", "guide", "What is on", "status", 200, false), a.guide)
	huma.Register(doc, operation(http.MethodGet, "/guide.rss", "guide-rss", "What is on air, as RSS: what began last comes first", "status", 200, false), a.guideRSS)
}

func (a *API) guide(_ context.Context, in *guideInput) (*guideOutput, error) {
	out := &guideOutput{}
	edition := a.listed.edition()
	out.Body.Channels, out.Body.Total, out.Body.OnAir = a.find(edition, in)
	out.Body.Categories, out.Body.Languages = edition.categories, edition.languages
	return out, nil
}

// find returns a page of what is looked for, and how many there are. An edition may be older than a change of who
// may see a channel: what is answered is looked at once more.
func (a *API) find(e *edition, in *guideInput) (page []station.Status, total, onAir int) {
	page = []station.Status{}
	words := strings.Fields(fold(in.Search))
	for i, w := range words {
		words[i] = strings.TrimPrefix(w, "#")
	}
	found := e.search(words)
	for _, l := range e.in(in.Order) {
		if found != nil && !found[l.at] || in.OnAir && l.State != station.Live || !l.is(in.Category, in.Language) {
			continue
		}
		if total++; l.State == station.Live {
			onAir++
		}
		if total > in.Offset && len(page) < in.Limit && a.mayList(l.Slug) {
			page = append(page, l.Status)
		}
	}
	return page, total, onAir
}

// mayList reports whether everybody may learn that a channel is there.
func (a *API) mayList(slug string) bool {
	c, err := a.cfg.Channels.Get(slug)
	return err == nil && c.Visibility == channel.Listed && c.Suspended == ""
}

// line is a channel in the guide.
type line struct {
	at    int    // in the order of its edition
	title string // as it is sorted
	words string // as it is searched
	station.Status
}

// is reports whether a line is of that category and language, if one is given.
func (l *line) is(category, language string) bool {
	return (category == "" || l.Category == category) && (language == "" || l.Language == language || primary(l.Language) == language)
}

// primary is the language of a language tag, without region and script.
func primary(tag string) string {
	language, _, _ := strings.Cut(tag, "-")
	return language
}

// fold brings text into the form in which it is compared: small letters without accents.
func fold(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return strings.ToLower(s)
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}

// edition is the guide as it was at a moment. It is never changed.
type edition struct {
	lines                 []*line // most watched first
	bySlug                map[string]*line
	text                  string // the words of all lines, one after the other
	ends                  []int  // where those of each line end
	categories, languages []Tally
	byTitle, recent       func() []*line // sorted when somebody asks for it

	changed <-chan struct{} // is closed when it is out of date
	made    time.Time
	took    time.Duration
}

func (e *edition) in(order string) []*line {
	switch order {
	case "title":
		return e.byTitle()
	case "recent":
		return e.recent()
	}
	return e.lines
}

// index keeps the newest edition of the guide for all who ask.
type index struct {
	statuses func() []station.Status
	changes  func() <-chan struct{}
	wanted   chan struct{} // holds one when a new edition is wanted

	mu     sync.Mutex
	newest *edition
	made   chan struct{} // closed when there is a newer one
}

func newIndex(s Station) *index {
	return &index{statuses: s.Statuses, changes: s.Changed, wanted: make(chan struct{}, 1), made: make(chan struct{})}
}

const (
	// share is which part of the time may go into new editions: with thousands of channels something changes always.
	share = 10
	// editionWait is how long who asks waits for a new edition; then an old one does.
	editionWait = 10 * time.Millisecond
)

// run makes an edition whenever one is wanted, until ctx ends.
func (x *index) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-x.wanted:
			x.mu.Lock()
			old := x.newest
			x.mu.Unlock()
			x.publish(x.make(old))
		}
	}
}

// edition returns the guide as it is, or, if it takes long to make, as it was a moment ago.
func (x *index) edition() *edition {
	x.mu.Lock()
	if x.newest == nil {
		defer x.mu.Unlock()
		x.newest = x.make(&edition{})
		return x.newest
	}
	old, made := x.newest, x.made
	x.mu.Unlock()
	if !old.stale(time.Now()) {
		return old
	}
	select {
	case x.wanted <- struct{}{}:
	default: // it is on its way
	}
	select {
	case <-made:
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.newest
	case <-time.After(editionWait):
		return old
	}
}

// stale reports whether a newer edition is wanted, and affordable.
func (e *edition) stale(now time.Time) bool {
	age := now.Sub(e.made)
	if age < share*e.took {
		return false
	}
	select {
	case <-e.changed:
		return true
	default:
		return age > eventRound // viewers come and go without a word
	}
}

func (x *index) publish(e *edition) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.newest = e
	close(x.made)
	x.made = make(chan struct{})
}

// make makes an edition of what the channels are, with the words of an older one where they are the same.
func (x *index) make(old *edition) *edition {
	e := &edition{changed: x.changes(), made: time.Now(), bySlug: make(map[string]*line, len(old.bySlug))}
	for _, s := range x.statuses() {
		if s.Access.Visibility != channel.Listed || s.Access.Suspended != "" {
			continue
		}
		s.Notice = ""
		l := lineOf(s, old.bySlug[s.Slug])
		e.lines, e.bySlug[s.Slug] = append(e.lines, l), l
	}
	e.tally()
	e.sort()
	e.write()
	e.took = time.Since(e.made)
	return e
}

// lineOf makes a line, and takes the words from an older one if they are the same.
func lineOf(s station.Status, old *line) *line {
	l := &line{Status: s}
	if old != nil && old.Title == s.Title && old.Description == s.Description && old.Category == s.Category && slices.Equal(old.Tags, s.Tags) {
		l.title, l.words = old.title, old.words
		return l
	}
	l.title = fold(s.Title)
	l.words = l.title + "\n" + s.Slug + "\n" + fold(s.Description+"\n"+strings.Join(s.Tags, "\n")+"\n"+categoryName(s.Category))
	return l
}

// categoryName is what people call a category, "" for none.
func categoryName(id string) string {
	for _, c := range channel.Categories {
		if c.ID == id {
			return c.Name
		}
	}
	return ""
}

// sort puts what is on air first, most watched first, and then by title.
func (e *edition) sort() {
	on := func(l *line) int {
		if l.State == station.Live {
			return 0
		}
		return 1
	}
	title := func(x, y *line) int { return cmp.Or(cmp.Compare(x.title, y.title), cmp.Compare(x.Slug, y.Slug)) }
	slices.SortFunc(e.lines, func(x, y *line) int {
		if on(x) == 1 && on(y) == 1 {
			return title(x, y)
		}
		return cmp.Or(on(x)-on(y), y.Viewers-x.Viewers, title(x, y))
	})
	sorted := func(by func(x, y *line) int) func() []*line {
		return sync.OnceValue(func() []*line {
			out := slices.Clone(e.lines)
			slices.SortFunc(out, func(x, y *line) int { return cmp.Or(on(x)-on(y), by(x, y)) })
			return out
		})
	}
	e.byTitle = sorted(title)
	e.recent = sorted(func(x, y *line) int { return cmp.Or(y.Since.Compare(x.Since), title(x, y)) })
}

// write writes the words of all lines into one text: to look through that takes a tenth of the time.
func (e *edition) write() {
	size := 0
	for _, l := range e.lines {
		size += len(l.words) + 1
	}
	var b strings.Builder
	b.Grow(size)
	e.ends = make([]int, len(e.lines))
	for i, l := range e.lines {
		b.WriteString(l.words)
		b.WriteByte(0)
		l.at, e.ends[i] = i, b.Len()
	}
	e.text = b.String()
	begin := 0
	for i, l := range e.lines {
		l.words, begin = e.text[begin:e.ends[i]-1], e.ends[i] // and nothing of an older text is kept
	}
}

// search says which lines have all the words; nil is all lines.
func (e *edition) search(words []string) []bool {
	if len(words) == 0 {
		return nil
	}
	rarest := slices.MaxFunc(words, func(x, y string) int { return len(x) - len(y) })
	found := make([]bool, len(e.lines))
	for at := 0; at < len(e.text); {
		hit := strings.Index(e.text[at:], rarest)
		if hit < 0 {
			break
		}
		n, exact := slices.BinarySearch(e.ends, at+hit)
		if exact {
			n++
		}
		if n == len(e.lines) {
			break
		}
		found[n] = !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(e.lines[n].words, w) })
		at = e.ends[n]
	}
	return found
}

// tally counts the categories, in the order in which they are told, and the languages.
func (e *edition) tally() {
	categories, languages := map[string]int{}, map[string]int{}
	for _, l := range e.lines {
		categories[l.Category]++
		languages[primary(l.Language)]++
	}
	e.categories, e.languages = []Tally{}, []Tally{}
	for _, c := range channel.Categories {
		if n := categories[c.ID]; n > 0 {
			e.categories = append(e.categories, Tally{c.ID, n})
		}
	}
	for id, n := range languages {
		if id != "" {
			e.languages = append(e.languages, Tally{id, n})
		}
	}
	slices.SortFunc(e.languages, func(x, y Tally) int { return cmp.Or(y.Count-x.Count, cmp.Compare(x.ID, y.ID)) })
}
