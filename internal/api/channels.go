package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/station"
)

// Channel is a channel as the API shows it. Sources and settings are only there for who works on it, and
// keys for who may see them.
type Channel struct {
	station.Status
	Role     channel.Role `json:"role,omitempty" enum:"owner,producer,moderator" doc:"of the person who asks"`
	Created  *time.Time   `json:"created,omitempty"`
	Sources  []Source     `json:"sources,omitempty"`
	AutoLive *bool        `json:"autoLive,omitempty"`
	Keep     *bool        `json:"keep,omitempty" doc:"keep everything, whatever the DVR window"`
	Record   *bool        `json:"record,omitempty" doc:"every broadcast is kept as a recording"`
	// RecordDays is for how long.
	RecordDays *int       `json:"recordDays,omitempty" doc:"after how many days recordings are deleted; 0: when there is no room for new ones"`
	Listed     *bool      `json:"listed,omitempty" doc:"shown in the guide: visibility is listed"`
	Burn       *bool      `json:"burn,omitempty" doc:"its graphics are also drawn into the pictures of a second program, for players that are not ours"`
	Burnt      string     `json:"burnt,omitempty" doc:"address of that program's playlist"`
	OnAir      *OnAir     `json:"onAir,omitempty"`
	Rehearsal  *Rehearsal `json:"rehearsal,omitempty" doc:"what producers see instead of what is on air"`
	Kept       *Kept      `json:"kept,omitempty" doc:"the sound that is kept while pictures are cut"`
	Ingest     *Ingest    `json:"ingest,omitempty" doc:"where encoders send to"`

	Visibility  channel.Visibility `json:"visibility,omitempty" enum:"private,unlisted,listed"`
	ViewerLimit int                `json:"viewerLimit,omitempty" doc:"how many may watch at once; absent: any number"`
	Password    bool               `json:"password,omitempty" doc:"there is a password for viewers; it counts unless the channel is private"`
	Suspended   string             `json:"suspended,omitempty" doc:"why an operator has suspended the channel"`
}

// Ingest says at which ports this node takes encoders in; 0: not at all.
type Ingest struct {
	RTMP  int `json:"rtmp,omitempty"`
	RTMPS int `json:"rtmps,omitempty"`
}

type createInput struct {
	Body struct {
		Slug        string      `json:"slug" doc:"the channel's address: 2 to 40 small letters, digits and hyphens" example:"news"`
		Title       string      `json:"title,omitempty" example:"News"`
		Description string      `json:"description,omitempty"`
		Sources     []newSource `json:"sources,omitempty" doc:"one with new keys if absent"`
		AutoLive    *bool       `json:"autoLive,omitempty" doc:"a source that connects goes on air if nothing else is; default true"`
		DVRWindow   int         `json:"dvrWindow,omitempty" doc:"seconds that can be rewound; default 7200"`
		Keep        bool        `json:"keep,omitempty" doc:"keep everything, whatever the DVR window"`
		Record      bool        `json:"record,omitempty" doc:"keep every broadcast as a recording"`
		RecordDays  *int        `json:"recordDays,omitempty" doc:"delete recordings after so many days; default 30, 0 for when there is no room for new ones"`
		ProfileInput
	}
}

type changeInput struct {
	Channel string `path:"channel"`
	Body    struct {
		Title       *string `json:"title,omitempty"`
		Description *string `json:"description,omitempty"`
		AutoLive    *bool   `json:"autoLive,omitempty"`
		DVRWindow   *int    `json:"dvrWindow,omitempty"`
		Keep        *bool   `json:"keep,omitempty"`
		Record      *bool   `json:"record,omitempty" doc:"keep every broadcast as a recording"`
		RecordDays  *int    `json:"recordDays,omitempty" doc:"delete recordings after so many days; 0 for when there is no room for new ones"`
		Burn        *bool   `json:"burn,omitempty" doc:"draw graphics into the pictures of a second program at /{channel}/burnt/index.m3u8, for players that are not ours; while somebody watches it, that takes about one processor of one node; owners only"`
		ProfileInput
	}
}

type channelInput struct {
	Channel string `path:"channel" doc:"its slug"`
}

type watchInput struct {
	Channel string `path:"channel" doc:"its slug"`
	Token   string `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch it"`
}

type channelOutput struct{ Body Channel }

type channelsOutput struct {
	Body struct {
		Channels []Channel `json:"channels"`
	}
}

func (a *API) registerChannels(doc huma.API) {
	op := func(method, path, id, summary string, status int, signed bool) huma.Operation {
		return operation(method, path, id, summary, "channels", status, signed)
	}
	huma.Register(doc, op(http.MethodGet, "/channels", "list-channels", "List channels", 200, false), a.list)
	huma.Register(doc, op(http.MethodPost, "/channels", "create-channel", "Create a channel", 201, true), a.create)
	huma.Register(doc, op(http.MethodGet, "/channels/{channel}", "get-channel", "Read a channel", 200, false), a.get)
	huma.Register(doc, op(http.MethodPatch, "/channels/{channel}", "change-channel", "Change a channel", 200, true), a.change)
	huma.Register(doc, op(http.MethodDelete, "/channels/{channel}", "delete-channel", "Delete a channel", 204, true), a.remove)
	huma.Register(doc, op(http.MethodPost, "/channels/{channel}/sources", "add-source", "Add a source, with new stream keys", 201, true), a.addSource)
	huma.Register(doc, op(http.MethodPatch, "/channels/{channel}/sources/{source}", "rename-source", "Rename a source", 200, true), a.renameSource)
	huma.Register(doc, op(http.MethodDelete, "/channels/{channel}/sources/{source}", "remove-source", "Remove a source; who publishes to it is sent away", 200, true), a.removeSource)
	huma.Register(doc, op(http.MethodPost, "/channels/{channel}/sources/{source}/rotate", "rotate-key", "Give a source a new stream key", 200, true), a.rotate)
	huma.Register(doc, op(http.MethodPost, "/channels/{channel}/cuts", "cut", "Put a source on air, or take the channel off air", 200, true), a.cut)
}

// unburnt is what people who work on a channel are told while there is no room for its burnt program.
const unburnt = "Other players wait for graphics in the picture: the server's machine that makes them does it for as many channels as it can. " +
	"It begins when another channel's players have left; whoever runs the server can give it more processors or machines."

// show makes what a caller may see of a channel.
func (a *API) show(ctx context.Context, c *channel.Channel) Channel {
	out := Channel{Status: station.Status{
		Slug: c.Slug, Title: c.Title, Description: c.Description, State: station.Never, Since: c.Created, DVRWindow: c.DVRWindow, Profile: station.ProfileOf(c),
	}}
	if p, err := a.cfg.Station.Program(c.Slug); err == nil && p.Known() {
		out.Status = p.Status()
		out.Title, out.Description, out.DVRWindow, out.Profile = c.Title, c.Description, c.DVRWindow, station.ProfileOf(c)
	}
	if out.State == station.Live || out.Card {
		out.OnAir = &OnAir{Source: out.Status.Source, Take: out.Take, Number: out.Number, Since: out.Since, Cue: onCue(&out.Status)}
	}
	caller := callerOf(ctx)
	if !caller.May(account.See, c) {
		out.Notice = ""
		return out
	}
	created, live, keep, listed := c.Created, c.AutoLive, c.Keep, c.Visibility == channel.Listed
	record, days := c.Record, c.RecordDays
	out.Record, out.RecordDays = &record, &days
	burn := c.Burns()
	if out.Burn = &burn; burn {
		out.Burnt = "/" + c.Slug + station.BurntPath + "/index.m3u8"
		if out.Notice == "" && a.cfg.Unburnt(c.Slug) {
			out.Notice = unburnt
		}
	}
	out.Visibility, out.ViewerLimit, out.Password, out.Suspended = c.Visibility, c.ViewerLimit, c.Password != "", c.Suspended
	out.Created, out.AutoLive, out.Keep, out.Listed = &created, &live, &keep, &listed
	out.Role = c.Role(caller.ID())
	if r := c.Rehearsal; r != nil {
		out.Rehearsal = &Rehearsal{Source: r.Source, Since: r.Since, At: r.At}
	}
	if a.cfg.Ingest != nil {
		ports := a.cfg.Ingest()
		out.Ingest = &ports
	}
	if out.OnAir != nil {
		out.OnAir.Heard, out.OnAir.Ahead = heardOf(out.Mix), out.Ahead.Seconds()
	}
	if c.Kept != nil {
		out.Kept = &Kept{c.Kept.Source, c.Kept.Delay}
	}
	sending := a.sending(c)
	for _, s := range c.Sources {
		source := Source{ID: s.ID, Name: s.Name, Mute: s.Mute, Gain: s.Gain, Sending: sending[s.ID]}
		if caller.May(account.Keys, c) {
			source.StreamKey, source.BackupStreamKey, source.CameraKey = s.StreamKey, s.BackupStreamKey, s.CameraKey()
		}
		out.Sources = append(out.Sources, source)
	}
	return out
}

func (a *API) list(ctx context.Context, _ *struct{}) (*channelsOutput, error) {
	out := &channelsOutput{}
	out.Body.Channels = []Channel{}
	for _, c := range a.cfg.Channels.All() {
		if callerOf(ctx).May(account.See, c) || c.Visibility == channel.Listed && c.Suspended == "" {
			out.Body.Channels = append(out.Body.Channels, a.show(ctx, c))
		}
	}
	return out, nil
}

// usualRecordDays is after how many days recordings of a channel are deleted if nobody says otherwise.
const usualRecordDays = 30

func (a *API) create(ctx context.Context, in *createInput) (*channelOutput, error) {
	b := &in.Body
	c := channel.Channel{
		Slug: b.Slug, Title: b.Title, Description: b.Description, AutoLive: b.AutoLive == nil || *b.AutoLive,
		DVRWindow: b.DVRWindow, Keep: b.Keep, Record: b.Record, RecordDays: usualRecordDays,
	}
	set(&c.RecordDays, b.RecordDays)
	c.Visibility = channel.Listed
	if err := a.mayCreate(ctx, b.Sources); err != nil {
		return nil, err
	}
	if id := callerOf(ctx).ID(); id != "" {
		c.Members = []channel.Member{{Account: id, Role: channel.Owner}}
	}
	for _, s := range b.Sources {
		c.Sources = append(c.Sources, channel.Source{Name: s.Name, StreamKey: s.StreamKey, BackupStreamKey: s.BackupStreamKey})
	}
	hash, err := a.hashed(ctx, b.Password)
	if err != nil {
		return nil, err
	}
	b.apply(&c, hash)
	if err := a.withinQuota(ctx, &channel.Channel{DVRWindow: channel.DefaultDVRWindow}, &c); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	made, err := a.cfg.Channels.Create(bounded, c)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, made.ID, "channel.create", made.Slug)
	return &channelOutput{a.show(ctx, made)}, nil
}

func (a *API) get(ctx context.Context, in *watchInput) (*channelOutput, error) {
	c, err := a.cfg.Channels.Get(in.Channel)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &channelOutput{a.show(ctx, c)}
	err = a.mayWatch(ctx, c, in.Token)
	if errors.Is(err, channel.ErrNotFound) {
		return nil, a.problem(err)
	}
	if err != nil {
		if often := a.turnedAway(ctx, c, in.Token); !errors.Is(often, err) {
			return nil, a.problem(often)
		}
		out.Body = Channel{Status: sealed(out.Body.Status, err)}
	}
	return out, nil
}

// mayCreate says whether the caller may make one more channel, with such sources.
func (a *API) mayCreate(ctx context.Context, sources []newSource) error {
	if err := a.allow(ctx, account.Create, nil); err != nil {
		return err
	}
	caller := callerOf(ctx)
	if caller.Root {
		return nil
	}
	for _, s := range sources {
		if s.StreamKey != "" || s.BackupStreamKey != "" {
			return a.problem(fmt.Errorf("%w: stream keys are made up for you; only the administrator's token may choose them", errForbidden))
		}
	}
	if caller.Account.Operator {
		return nil
	}
	if a.cfg.People.CanWrite() && caller.Account.Confirmed.IsZero() {
		return a.problem(fmt.Errorf("%w: confirm your e-mail address first: open the link in the letter that we sent, or ask for another on your account's page", errForbidden))
	}
	settings, err := a.cfg.People.Settings(ctx)
	if err != nil {
		return a.problem(err)
	}
	if owns := a.owns(caller.ID()); owns >= settings.Channels {
		return a.problem(fmt.Errorf("%w: you own %d channels, and %d are allowed: delete one, or ask whoever runs this server for more", errForbidden, owns, settings.Channels))
	}
	return nil
}

// owns counts the channels that an account owns.
func (a *API) owns(id string) (count int) {
	for _, c := range a.cfg.Channels.Of(id) {
		if c.Role(id) == channel.Owner {
			count++
		}
	}
	return count
}

// channel returns a channel that the caller may do something in.
func (a *API) channel(ctx context.Context, slug string, do account.Action) (*channel.Channel, error) {
	c, err := a.cfg.Channels.Get(slug)
	if err != nil {
		return nil, a.problem(err)
	}
	return c, a.allow(ctx, do, c)
}

// edited changes what is kept of a channel beside it, such as its rundown, by update, which stores it.
func edited[T any](ctx context.Context, a *API, slug string, do account.Action, update func(ctx context.Context, channel string, change func(*T) error) (T, error), change func(*channel.Channel, *T) error) (*channel.Channel, T, error) {
	c, err := a.channel(ctx, slug, do)
	if err != nil {
		var none T
		return nil, none, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	v, err := update(bounded, c.ID, func(v *T) error { return change(c, v) })
	return c, v, a.problem(err)
}

// changed makes a change of a channel that the caller may do, and notes it. The right is checked again on
// what is stored: a role may have been taken away meanwhile.
func (a *API) changed(ctx context.Context, slug string, do account.Action, did string, change func(*channel.Channel) (detail string, err error)) (*channel.Channel, error) {
	if _, err := a.channel(ctx, slug, do); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	detail := ""
	c, err := a.cfg.Channels.Update(bounded, slug, func(c *channel.Channel) (err error) {
		if err = a.allow(ctx, do, c); err == nil {
			detail, err = change(c)
		}
		return err
	})
	var answered huma.StatusError
	if errors.As(err, &answered) {
		return nil, err
	}
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, did, detail)
	return c, nil
}

func (a *API) change(ctx context.Context, in *changeInput) (*channelOutput, error) {
	b := &in.Body
	if _, err := a.channel(ctx, in.Channel, account.Change); err != nil {
		return nil, err
	}
	hash, err := a.hashed(ctx, b.Password)
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, in.Channel, account.Change, "channel.change", func(c *channel.Channel) (string, error) {
		before := *c
		if b.Burn != nil && *b.Burn != c.Burns() {
			if err := a.allow(ctx, account.Burn, c); err != nil {
				return "", err
			}
			c.Burn = b.Burn
		}
		set(&c.Title, b.Title)
		set(&c.Description, b.Description)
		set(&c.AutoLive, b.AutoLive)
		set(&c.DVRWindow, b.DVRWindow)
		set(&c.Keep, b.Keep)
		set(&c.Record, b.Record)
		set(&c.RecordDays, b.RecordDays)
		b.apply(c, hash)
		return differences(&before, c), a.withinQuota(ctx, &before, c)
	})
}

// differences says for the audit trail what was changed in a channel.
func differences(before, after *channel.Channel) string {
	var all []string
	for _, d := range []struct {
		name     string
		old, now any
	}{
		{"title", before.Title, after.Title}, {"description", before.Description, after.Description}, {"autoLive", before.AutoLive, after.AutoLive},
		{"dvrWindow", before.DVRWindow, after.DVRWindow}, {"keep", before.Keep, after.Keep}, {"record", before.Record, after.Record}, {"recordDays", before.RecordDays, after.RecordDays}, {"burn", before.Burns(), after.Burns()}, {"visibility", before.Visibility, after.Visibility},
		{"category", before.Category, after.Category}, {"language", before.Language, after.Language}, {"tags", fmt.Sprint(before.Tags), fmt.Sprint(after.Tags)},
		{"accent", before.Accent, after.Accent}, {"background", before.Background, after.Background}, {"viewerLimit", before.ViewerLimit, after.ViewerLimit},
	} {
		if d.old != d.now {
			all = append(all, fmt.Sprintf("%s: %v → %v", d.name, d.old, d.now))
		}
	}
	if before.Turn != after.Turn {
		all = append(all, map[bool]string{true: "password: set", false: "password: taken away"}[after.Password != ""])
	}
	return strings.Join(all, "; ")
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (a *API) remove(ctx context.Context, in *channelInput) (*struct{}, error) {
	_, err := a.changed(ctx, in.Channel, account.Delete, "channel.delete", func(c *channel.Channel) (string, error) {
		c.Deleted = time.Now().UTC()
		return c.Slug, nil
	})
	return nil, err
}

// shown makes a change and answers with the channel as it is then.
func (a *API) shown(ctx context.Context, slug string, do account.Action, did string, change func(*channel.Channel) (string, error)) (*channelOutput, error) {
	c, err := a.changed(ctx, slug, do, did, change)
	if err != nil {
		return nil, err
	}
	return &channelOutput{a.show(ctx, c)}, nil
}
