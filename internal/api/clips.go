package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Clip is a clip as the API shows it.
type Clip struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Tags     []string      `json:"tags"`
	Created  time.Time     `json:"created"`
	State    library.State `json:"state" enum:"uploading,waiting,converting,ready,failed"`
	Fault    string        `json:"fault,omitempty" doc:"of a clip that failed: why, and what helps"`
	Progress *float64      `json:"progress,omitempty" doc:"how far its conversion is, from 0 to 1"`
	Origin   string        `json:"origin" enum:"upload,address,feed,recording,card"`
	File     string        `json:"file,omitempty" doc:"name of the file that it was made of"`
	URL      string        `json:"url,omitempty" doc:"address that it was fetched from"`
	Bytes    int64         `json:"bytes"`
	Upload   string        `json:"upload,omitempty" doc:"address that its file is sent to by the tus protocol, while it is uploading"`

	Take      string  `json:"take,omitempty"`
	Duration  float64 `json:"duration,omitempty" doc:"seconds"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FrameRate float64 `json:"frameRate,omitempty"`
	In        float64 `json:"in" doc:"where it begins when it is played, in seconds"`
	Out       float64 `json:"out,omitempty" doc:"where it ends; absent: at its end"`
	Poster    string  `json:"poster,omitempty"`
	Playlist  string  `json:"playlist,omitempty"`
	Download  string  `json:"download,omitempty" doc:"what is played of it as one MP4"`
	Public    bool    `json:"public" doc:"offered on the channel's page to whoever may watch the channel"`
}

type clipInput struct {
	Channel string `path:"channel"`
	Clip    string `path:"clip" maxLength:"40"`
}

type clipOutput struct{ Body Clip }

type clipsOutput struct {
	Body struct {
		Clips []Clip        `json:"clips" doc:"newest first"`
		Used  library.Quota `json:"used"`
		Quota library.Quota `json:"quota" doc:"how much the channel may keep"`
	}
}

type addClipInput struct {
	Channel string `path:"channel"`
	Body    struct {
		File  string   `json:"file,omitempty" maxLength:"200" doc:"name of the file that is sent next"`
		Bytes int64    `json:"bytes,omitempty" doc:"its size"`
		URL   string   `json:"url,omitempty" maxLength:"1000" doc:"instead of a file: an address of one, which is fetched"`
		Title string   `json:"title,omitempty" maxLength:"120" doc:"made of the file's name if absent"`
		Tags  []string `json:"tags,omitempty" maxItems:"8"`
		// From and To cut it out of a recording, or out of what can still be rewound.
		From      string `json:"from,omitempty" maxLength:"40" doc:"instead of a file: where in the program it begins, as a time or a number"`
		To        string `json:"to,omitempty" maxLength:"40" doc:"where it ends"`
		Recording string `json:"recording,omitempty" maxLength:"40" doc:"the recording that it is cut out of; absent: what can still be rewound"`
		Seconds   int    `json:"seconds,omitempty" minimum:"0" maximum:"3600" doc:"how long a photo is shown; default 10"`
	}
}

type changeClipInput struct {
	Channel string `path:"channel"`
	Clip    string `path:"clip" maxLength:"40"`
	Body    struct {
		Title    *string   `json:"title,omitempty" maxLength:"120"`
		Tags     *[]string `json:"tags,omitempty" maxItems:"8"`
		In       *float64  `json:"in,omitempty" minimum:"0" doc:"seconds; it begins with the segment that this lies in"`
		Out      *float64  `json:"out,omitempty" minimum:"0" doc:"seconds; it ends with the segment that this lies in; 0: at its end"`
		Public   *bool     `json:"public,omitempty" doc:"offer it on the channel's page to whoever may watch the channel"`
		PosterAt *float64  `json:"posterAt,omitempty" minimum:"0" doc:"make the picture at this time its poster"`
	}
}

func (a *API) registerClips(doc huma.API) {
	if a.cfg.Library == nil {
		return
	}
	const tag = "library"
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/clips", "clips", "List a channel's clips", tag, 200, true), a.clips)
	huma.Register(doc, operation(http.MethodPost, "/channels/{channel}/clips", "add-clip", "Make a clip, whose file is then sent to its upload address", tag, 201, true), a.addClip)
	huma.Register(doc, operation(http.MethodGet, "/channels/{channel}/clips/{clip}", "get-clip", "Read a clip", tag, 200, true), a.getClip)
	huma.Register(doc, operation(http.MethodPatch, "/channels/{channel}/clips/{clip}", "change-clip", "Change a clip's title and tags, where it begins and ends, and its poster", tag, 200, true), a.changeClip)
	huma.Register(doc, operation(http.MethodDelete, "/channels/{channel}/clips/{clip}", "delete-clip", "Delete a clip", tag, 204, true), a.deleteClip)
	a.registerStoryboards(doc)
	a.registerClipFiles()
}

// clipPath is where a clip's files are.
func clipPath(slug, clip string) string { return "/api/v1/channels/" + slug + "/clips/" + clip }

// showClip makes what people see of a clip.
func showClip(c *channel.Channel, clip *library.Clip, progress map[string]float64) Clip {
	at := clipPath(c.Slug, clip.ID)
	out := Clip{
		ID: clip.ID, Title: clip.Title, Tags: append([]string{}, clip.Tags...), Created: clip.Created, State: clip.State, Fault: clip.Fault,
		Origin: string(clip.Origin.Kind), File: clip.Origin.File, URL: clip.Origin.URL, Bytes: clip.Bytes, Width: clip.Width, Height: clip.Height, FrameRate: clip.FrameRate,
		Duration: clip.Duration.Seconds(), In: clip.In.Seconds(), Out: clip.Out.Seconds(), Public: clip.Public,
	}
	if p, ok := progress[clip.ID]; ok {
		out.Progress = &p
	}
	switch clip.State {
	case library.Uploading:
		out.Upload = at + "/upload"
	case library.Ready:
		out.Take, out.Playlist, out.Download = clip.Take.String(), at+"/index.m3u8", at+"/download"
		if clip.Poster > 0 {
			out.Poster = at + "/poster/" + itoa(clip.Poster)
		}
	}
	return out
}

func (a *API) clips(ctx context.Context, in *channelInput) (*clipsOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	clips, used, most, err := a.cfg.Library.Clips(bounded, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	progress := a.cfg.Library.Progress(bounded, clips)
	out := &clipsOutput{}
	out.Body.Clips, out.Body.Used, out.Body.Quota = make([]Clip, len(clips)), used, most
	for i := range clips {
		out.Body.Clips[i] = showClip(c, &clips[i], progress)
	}
	return out, nil
}

func (a *API) addClip(ctx context.Context, in *addClipInput) (*clipOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	if in.Body.From != "" || in.Body.To != "" || in.Body.Recording != "" {
		return a.addCut(ctx, c, in)
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	b := &in.Body
	arrival := library.Arrival{Title: b.Title, Tags: b.Tags, Bytes: b.Bytes, Origin: library.Origin{Kind: library.FromUpload, File: b.File, Seconds: b.Seconds}}
	var clip library.Clip
	if b.URL != "" {
		clip, err = a.cfg.Library.AddFrom(bounded, c.ID, b.URL, arrival)
	} else {
		clip, err = a.cfg.Library.Add(bounded, c.ID, arrival)
	}
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "clip.add", clip.Title)
	return &clipOutput{showClip(c, &clip, nil)}, nil
}

func (a *API) getClip(ctx context.Context, in *clipInput) (*clipOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.See)
	if err != nil {
		return nil, err
	}
	clip, err := a.cfg.Library.Clip(ctx, c.ID, in.Clip)
	if err != nil {
		return nil, a.problem(err)
	}
	return &clipOutput{showClip(c, &clip, a.cfg.Library.Progress(ctx, []library.Clip{clip}))}, nil
}

func (a *API) changeClip(ctx context.Context, in *changeClipInput) (*clipOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, 4*bucketTime) // a poster takes ffmpeg a moment
	defer cancel()
	b := &in.Body
	clip, err := a.cfg.Library.Change(bounded, c.ID, in.Clip, library.Change{Title: b.Title, Tags: b.Tags, In: ticks(b.In), Out: ticks(b.Out), Public: b.Public})
	if err == nil && b.PosterAt != nil {
		clip, err = a.cfg.Library.SetPoster(bounded, c.ID, in.Clip, *ticks(b.PosterAt))
	}
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "clip.change", clip.Title)
	return &clipOutput{showClip(c, &clip, nil)}, nil
}

// ticks reads seconds; none is none.
func ticks(seconds *float64) *media.Ticks {
	if seconds == nil {
		return nil
	}
	t := media.Ticks(min(*seconds, 1e7)*media.TicksPerSecond + 0.5)
	return &t
}

func (a *API) deleteClip(ctx context.Context, in *clipInput) (*struct{}, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if err := a.cfg.Library.Delete(bounded, c.ID, in.Clip); err != nil {
		return nil, a.problem(err)
	}
	a.cfg.Station.Touch(c.ID)
	a.note(ctx, c.ID, "clip.delete", in.Clip)
	return nil, nil
}
