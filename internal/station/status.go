package station

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/mesh"
	"github.com/mayfly-tv/mayfly/internal/program"
	"github.com/mayfly-tv/mayfly/internal/take"
)

// State is what a viewer finds at a channel.
type State string

// The states of a channel.
const (
	Live  State = "live"  // on air
	Off   State = "off"   // was on air, and waits for its publisher
	Never State = "never" // was never on air
)

// Status is what anybody may know of a channel at the moment.
type Status struct {
	Slug        string    `json:"slug"`
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	State       State     `json:"state" enum:"live,off,never"`
	Since       time.Time `json:"since" doc:"since when it has been in that state"`
	Viewers     int       `json:"viewers" doc:"how many watch through this node, estimated"`
	Width       int       `json:"width,omitempty"`
	Height      int       `json:"height,omitempty"`
	DVRWindow   int       `json:"dvrWindow" doc:"seconds that can be rewound"`
	Card        bool      `json:"card,omitempty" doc:"it is off air and shows its card, which plays like what is on air"`
	Notice      string    `json:"notice,omitempty" doc:"something the producer should know"`
	Revision    int64     `json:"revision,omitempty" doc:"another number whenever what people set in the channel has changed"`
	Show        *Show     `json:"show,omitempty" doc:"the next one that is announced, until it is planned to end"`
	Air         *Air      `json:"air,omitempty" doc:"who does what for it, while it is on air"`
	BucketAway  bool      `json:"bucketAway,omitempty" doc:"the bucket does not answer: live goes on, channels cannot be changed, and only what this node has at hand can be rewound"`

	Profile
	Gate string `json:"gate,omitempty" enum:"password,private" doc:"what keeps who asks from watching: a password is wanted, or only who works on the channel and whoever has a playback link may"`

	Access channel.Access `json:"-"`
	Source string         `json:"-"` // id of the source whose pictures are on air
	Mix    program.Mix    `json:"-"` // what is on air
	Ahead  time.Duration  `json:"-"` // that its program time is ahead of its take's own
	Take   string         `json:"-"`
	Number int64          `json:"-"` // of the entry on air
	Cue    *program.Cue   `json:"-"` // that is on air
	CuedAt time.Time      `json:"-"` // when that began
}

// Profile is what a channel is about and what it looks like.
type Profile struct {
	Category   string   `json:"category,omitempty"`
	Language   string   `json:"language,omitempty" doc:"BCP 47"`
	Tags       []string `json:"tags,omitempty"`
	Accent     string   `json:"accent,omitempty" doc:"colour of buttons and marks, #rrggbb"`
	Background string   `json:"background,omitempty" doc:"colour of the page, #rrggbb"`
	Logo       string   `json:"logo,omitempty" doc:"address of an image"`
	Picture    string   `json:"picture,omitempty" doc:"address of an image that is shown while nothing plays"`
	Locked     bool     `json:"locked,omitempty" doc:"viewers need a password"`
	Limited    bool     `json:"limited,omitempty" doc:"only so many may watch at once"`
}

// Show is what anybody may know of a show that is announced.
type Show struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Text     string    `json:"text,omitempty"`
	At       time.Time `json:"at"`
	Ends     time.Time `json:"ends" doc:"as it is planned"`
	Calendar string    `json:"calendar" doc:"address of a calendar file with a reminder"`
}

// ShowOf returns what is shown of a show.
func ShowOf(slug string, s *channel.Show) Show {
	return Show{ID: s.ID, Title: s.Title, Text: s.Text, At: s.At, Ends: s.Ends(), Calendar: "/api/v1/channels/" + slug + "/shows/" + s.ID + "/calendar.ics"}
}

// ArtPath begins the addresses of channels' images: the slug and the image's name follow.
const ArtPath = "/assets/channels/"

// ProfileOf returns what is shown of a channel.
func ProfileOf(c *channel.Channel) Profile {
	address := func(name string) string {
		if name == "" {
			return ""
		}
		return ArtPath + c.Slug + "/" + name
	}
	return Profile{
		Category: c.Category, Language: c.Language, Tags: c.Tags, Accent: c.Accent, Background: c.Background,
		Logo: address(c.Logo), Picture: address(c.Picture), Locked: c.Locked(), Limited: c.ViewerLimit > 0,
	}
}

// Air says which nodes do what for a channel that is on air.
type Air struct {
	Node      string   `json:"node" doc:"takes in what is on air"`
	Witnesses []string `json:"witnesses,omitempty" doc:"hold it until the bucket has it"`
	Director  string   `json:"director,omitempty" doc:"is asked for cuts"`
}

// awayTime is how long the bucket may not answer before viewers are told.
const awayTime = 3 * time.Second

// bucketAway reports whether people are to know that the bucket is away: from this node, or, if it has had
// nothing to write lately, from another.
func (s *Station) bucketAway() bool {
	if s.Health().AwayFor > awayTime {
		return true
	}
	if s.fleet == nil {
		return false
	}
	for _, m := range s.fleet.mesh.Members() {
		if !m.Self && m.State == mesh.Alive && m.Away {
			return true
		}
	}
	return false
}

// noticeTime is how long a notice stays.
const noticeTime = time.Minute

// Known reports whether the channel is known to exist; before all channels are loaded one cannot say
// that it does not.
func (p *Program) Known() bool { return p.id != "" }

// Status returns what is to be said of the channel.
func (p *Program) Status() Status { return p.status(p.station.bucketAway()) }

func (p *Program) status(bucketAway bool) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.channel
	s := Status{
		Slug: c.Slug, Title: c.Title, Description: c.Description, State: Never, Since: c.Created,
		DVRWindow: c.DVRWindow, Access: c.Access, Profile: ProfileOf(c), Viewers: p.station.cfg.Viewers(c.Slug), BucketAway: bucketAway,
		Revision: p.revision,
	}
	if up := c.ComingUp(p.station.now()); len(up) > 0 {
		show := ShowOf(c.Slug, &up[0])
		s.Show = &show
	}
	if time.Since(p.noticeAt) < noticeTime {
		s.Notice = p.notice
	}
	if p.director == nil || len(p.director.List().Entries) == 0 {
		return s
	}
	list := p.director.List()
	e := &list.Entries[len(list.Entries)-1]
	s.State, s.Since, s.Source, s.Take, s.Number = Live, onAirSince(list.Entries), program.PictureOf(e.Source), e.Take.String(), e.Number
	s.Mix, s.Ahead = program.ParseMix(e.Source), e.Shift
	l := p.station.store.Log(e.Take)
	if e.End != nil {
		s.State, s.Since = Off, e.End.ProgramTime
	} else if e.Play != nil {
		s.Take, s.Ahead = "", e.Play.Ahead
		s.Cue, s.CuedAt = e.Play.Cue, e.ProgramTime
		if c.Plan != nil && c.Plan.Card != "" && s.Cue == nil {
			s.State, s.Card, s.Since = Off, true, e.ProgramTime
		}
		return s
	} else if l != nil && l.Ended() || l == nil && !p.station.fleet.heard(e.Origin) { // its end is on its way
		s.State = Off
	} else {
		s.Air = p.station.air(e.Origin, p.id)
	}
	if l != nil {
		if t := picture(l); t != nil {
			s.Width, s.Height = t.Width, t.Height
		}
	}
	return s
}

// cutTime is how long the program may be interrupted and count as on air all the same: a node died.
const cutTime = 10 * time.Second

// onAirSince returns since when the newest entry and those before it have been on air, cuts between them or not.
func onAirSince(entries []program.Entry) time.Time {
	i := len(entries) - 1
	for i > 0 && entries[i].ProgramTime.Sub(entries[i-1].End.ProgramTime) < cutTime {
		i--
	}
	return entries[i].ProgramTime
}

// air says who does what for a channel whose take on air an incarnation writes.
func (s *Station) air(origin, channel string) *Air {
	node, _, _ := strings.Cut(origin, "/")
	a := &Air{Node: node}
	if s.fleet == nil {
		return a
	}
	members := s.fleet.mesh.Members()
	a.Director = mesh.Director(members, channel)
	for _, m := range members {
		if m.Node == node {
			a.Witnesses = m.Witnesses
		}
	}
	return a
}

// Statuses returns the status of every channel, in no order. Burnt programs are not among them.
func (s *Station) Statuses() []Status {
	all, away := s.each(), s.bucketAway()
	out := make([]Status, 0, len(all))
	for _, p := range all {
		if !p.burnt() {
			out = append(out, p.status(away))
		}
	}
	return out
}

// counters count what the station did.
type counters struct {
	takes, parts, cuts, conflicts atomic.Int64
}

// Stats is what the station did and holds, for /metrics.
type Stats struct {
	Takes, Parts, Cuts int64 // totals
	Conflicts          int64 // times that another node knew another program: must be 0
	Publishers         int   // of channels; what this process feeds to burnt programs is none
	Channels           int
	TailBytes          int64 // media in memory
	Logs               int
}

// publishers counts who publishes to channels at this node.
func (s *Station) publishers() (n int) {
	for _, p := range s.each() {
		if !p.burnt() {
			n += len(p.sessions())
		}
	}
	return n
}

// Stats returns the counts.
func (s *Station) Stats() Stats {
	out := Stats{Takes: s.stats.takes.Load(), Parts: s.stats.parts.Load(), Cuts: s.stats.cuts.Load(), Conflicts: s.stats.conflicts.Load()}
	for _, p := range s.each() {
		if !p.burnt() {
			out.Channels++
		}
	}
	out.Publishers = s.publishers()
	s.store.Each(func(l *take.Log) {
		out.Logs++
		out.TailBytes += l.TailBytes()
	})
	return out
}
