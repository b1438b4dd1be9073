package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// Recording is a recording as the API shows it.
type Recording struct {
	ID       string                 `json:"id"`
	Title    string                 `json:"title"`
	State    library.RecordingState `json:"state" enum:"onAir,kept,whole" doc:"onAir: its broadcast goes on; kept: complete, and copied together in the background; whole: that is done. It plays in each of them"`
	Begin    time.Time              `json:"begin" doc:"program time"`
	End      time.Time              `json:"end"`
	Duration float64                `json:"duration" doc:"seconds, without what is missing in between"`
	Bytes    int64                  `json:"bytes"`
	Hidden   bool                   `json:"hidden,omitempty" doc:"only people who work on the channel see it"`
	Poster   string                 `json:"poster,omitempty"`
	Page     string                 `json:"page"`
	Playlist string                 `json:"playlist"`
	Download string                 `json:"download,omitempty" doc:"all of it as one MP4, for people who work on the channel; absent while that has to be made first"`
	Export   *RecordingExport       `json:"export,omitempty" doc:"for people who work on the channel, where pictures or sound are of several kinds: how far the MP4 is"`
}

type recordingInput struct {
	Channel   string `path:"channel"`
	Recording string `path:"recording" maxLength:"40"`
}

type seeRecordingInput struct {
	Channel   string `path:"channel"`
	Recording string `path:"recording" maxLength:"40"`
	Token     string `query:"t" maxLength:"200" doc:"playback token, if not everybody may watch the channel"`
}

type recordingOutput struct{ Body Recording }

type recordingsOutput struct {
	Body struct {
		Recordings []Recording `json:"recordings" doc:"newest first"`
	}
}

type keepRecordingInput struct {
	Channel string `path:"channel"`
	Body    struct {
		From  string `json:"from" maxLength:"40" doc:"where it begins: a moment of program time, or a number of the program"`
		To    string `json:"to" maxLength:"40" doc:"where it ends, likewise"`
		Title string `json:"title" maxLength:"120"`
	}
}

type changeRecordingInput struct {
	Channel   string `path:"channel"`
	Recording string `path:"recording" maxLength:"40"`
	Body      struct {
		Title  *string `json:"title,omitempty" maxLength:"120"`
		Hidden *bool   `json:"hidden,omitempty"`
	}
}

func (a *API) registerRecordings(doc huma.API) {
	if a.cfg.Library == nil {
		return
	}
	const tag, at, one = "recordings", "/channels/{channel}/recordings", "/channels/{channel}/recordings/{recording}"
	huma.Register(doc, operation(http.MethodGet, at, "recordings", "List a channel's recordings", tag, 200, false), a.recordings)
	huma.Register(doc, operation(http.MethodPost, at, "keep", "Make a recording of what can still be rewound", tag, 201, true), a.keep)
	huma.Register(doc, operation(http.MethodGet, one, "get-recording", "Read a recording", tag, 200, false), a.getRecording)
	huma.Register(doc, operation(http.MethodPatch, one, "change-recording", "Change a recording's title, or whether viewers see it", tag, 200, true), a.changeRecording)
	huma.Register(doc, operation(http.MethodDelete, one, "delete-recording", "Delete a recording", tag, 204, true), a.deleteRecording)
	huma.Register(doc, operation(http.MethodPost, one+"/export", "export-recording", "Have the MP4 of a recording made whose pictures or sound are of several kinds", tag, 202, true), a.exportRecording)
	a.mux.HandleFunc("GET /api/v1"+one+"/download", a.aboutClip(account.See, a.downloadRecording))
	a.mux.HandleFunc("GET /api/v1"+one+"/poster/{number}", a.recordingPoster)
}

// showRecording makes what people see of a recording.
func showRecording(c *channel.Channel, r *library.Recording, crew bool, token string) Recording {
	at, page := "/api/v1/channels/"+c.Slug+"/recordings/"+r.ID, "/"+c.Slug+"/recordings/"+r.ID
	query := ""
	if token != "" {
		query = "?t=" + url.QueryEscape(token)
	}
	out := Recording{
		ID: r.ID, Title: r.Title, State: r.State, Begin: r.Begin, End: r.End, Duration: r.Duration.Seconds(), Bytes: r.Bytes, Hidden: r.Hidden,
		Page: page, Playlist: page + "/index.m3u8" + query,
	}
	if crew {
		out.Export = showExport(r)
		if out.Export == nil || out.Export.State == string(library.Exported) {
			out.Download = at + "/download"
		}
	}
	if r.Poster > 0 {
		out.Poster = at + "/poster/" + itoa(r.Poster) + query
	}
	return out
}

// visible reports whether viewers are shown a recording; its own crew is shown all.
func visible(r *library.Recording, crew bool) bool {
	return r.Clip == "" && r.Duration > 0 && (crew || !r.Hidden && r.State != library.OnAir)
}

func (a *API) recordings(ctx context.Context, in *watchInput) (*recordingsOutput, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, err
	}
	crew := callerOf(ctx).May(account.See, c)
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	all, err := a.cfg.Library.Recordings(bounded, c.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &recordingsOutput{}
	out.Body.Recordings = []Recording{}
	for i := range all {
		if visible(&all[i], crew) {
			out.Body.Recordings = append(out.Body.Recordings, showRecording(c, &all[i], crew, in.Token))
		}
	}
	return out, nil
}

func (a *API) getRecording(ctx context.Context, in *seeRecordingInput) (*recordingOutput, error) {
	c, err := a.watched(ctx, in.Channel, in.Token)
	if err != nil {
		return nil, err
	}
	crew := callerOf(ctx).May(account.See, c)
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	r, err := a.cfg.Library.Recording(bounded, c.ID, in.Recording)
	if err == nil && !visible(&r, crew) {
		err = library.ErrNotFound
	}
	if err == nil && crew {
		err = a.findMixed(bounded, c, &r)
	}
	if err != nil {
		return nil, a.problem(err)
	}
	out := showRecording(c, &r, crew, in.Token)
	if out.Export != nil && out.Export.State == string(library.Exporting) {
		out.Export.Progress = a.cfg.Library.ExportProgress(bounded, r.ID)
	}
	return &recordingOutput{out}, nil
}

// findMixed finds out whether a recording is of several kinds, for its crew, where that is not noted.
func (a *API) findMixed(ctx context.Context, c *channel.Channel, r *library.Recording) error {
	mixed, err := a.cfg.Library.Mixed(ctx, c.ID, r)
	r.Mixed = &mixed
	return err
}

// moment reads a moment of the program: a time, or a number of which the beginning counts.
func (a *API) moment(ctx context.Context, channel, said string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, said); err == nil {
		return at, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil {
		return time.Time{}, huma.Error422UnprocessableEntity("a moment is a time such as 2030-01-31T19:30:00.5Z, or a number of the program such as 8412")
	}
	at, err := a.cfg.Library.Moment(ctx, channel, n)
	return at, a.problem(err)
}

// stretch reads two moments.
func (a *API) stretch(ctx context.Context, channel, from, to string) (s library.Stretch, err error) {
	if s.From, err = a.moment(ctx, channel, from); err == nil {
		s.To, err = a.moment(ctx, channel, to)
	}
	return s, err
}

func (a *API) keep(ctx context.Context, in *keepRecordingInput) (*recordingOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, 4*bucketTime)
	defer cancel()
	s, err := a.stretch(bounded, c.ID, in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	s.Title = in.Body.Title
	r, err := a.cfg.Library.Keep(bounded, c.ID, s)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "recording.keep", r.Title)
	return &recordingOutput{showRecording(c, &r, true, "")}, nil
}

// addCut makes a clip of what was marked.
func (a *API) addCut(ctx context.Context, c *channel.Channel, in *addClipInput) (*clipOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, 4*bucketTime) // of what was just live, the end is waited for
	defer cancel()
	s, err := a.stretch(bounded, c.ID, in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	s.Title = in.Body.Title
	clip, err := a.cfg.Library.AddCut(bounded, c.ID, library.Cut{Stretch: s, Recording: in.Body.Recording, Tags: in.Body.Tags})
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "clip.cut", clip.Title)
	return &clipOutput{showClip(c, &clip, nil)}, nil
}

func (a *API) changeRecording(ctx context.Context, in *changeRecordingInput) (*recordingOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	r, err := a.cfg.Library.ChangeRecording(bounded, c.ID, in.Recording, library.RecordingChange{Title: in.Body.Title, Hidden: in.Body.Hidden})
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "recording.change", r.Title)
	if err := a.findMixed(bounded, c, &r); err != nil {
		return nil, a.problem(err)
	}
	return &recordingOutput{showRecording(c, &r, true, "")}, nil
}

func (a *API) deleteRecording(ctx context.Context, in *recordingInput) (*struct{}, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if err := a.cfg.Library.DeleteRecording(bounded, c.ID, in.Recording); err != nil {
		return nil, a.problem(err)
	}
	a.cfg.Station.Touch(c.ID)
	a.note(ctx, c.ID, "recording.delete", in.Recording)
	return nil, nil
}

// recordingPlaylist answers /{channel}/recordings/{recording}/index.m3u8.
func (a *API) recordingPlaylist(w http.ResponseWriter, r *http.Request, slug, id string) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	c, err := a.cfg.Channels.Get(slug)
	pass := Pass{}
	if err == nil {
		pass, err = a.Watch(r, slug)
	}
	var found library.Recording
	if err == nil && a.cfg.Library == nil {
		err = library.ErrNotFound
	}
	if err == nil {
		found, err = a.cfg.Library.Recording(r.Context(), c.ID, id)
	}
	if err == nil && !visible(&found, true) || err == nil && (found.Hidden || found.State == library.OnAir) && !a.crew(r, c) {
		err = library.ErrNotFound
	}
	var text []byte
	if err == nil {
		text, err = a.cfg.Library.RecordingPlaylist(r.Context(), c.ID, id, url.QueryEscape(pass.Media))
	}
	if err != nil {
		a.refuseFile(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Cache-Control", "no-cache")
	if pass.Private {
		w.Header().Set("Cache-Control", "private, no-store")
	}
	w.Write(text)
}

// crew reports whether a request for a file comes from somebody who works on the channel.
func (a *API) crew(r *http.Request, c *channel.Channel) bool {
	caller, _, err := a.caller(r)
	return err == nil && caller.May(account.See, c)
}

func (a *API) recordingPoster(w http.ResponseWriter, r *http.Request) {
	c, err := a.cfg.Channels.Get(r.PathValue("channel"))
	var found library.Recording
	if err == nil {
		_, err = a.Watch(r, c.Slug)
	}
	if err == nil {
		found, err = a.cfg.Library.Recording(r.Context(), c.ID, r.PathValue("recording"))
	}
	n, wrong := strconv.Atoi(r.PathValue("number"))
	if err == nil && (wrong != nil || found.Hidden && !a.crew(r, c)) {
		err = library.ErrNotFound
	}
	var data []byte
	if err == nil {
		data, err = a.cfg.Library.Poster(r.Context(), c.ID, found.ID, n)
	}
	if err != nil {
		a.refuseFile(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=86400")
	w.Write(data)
}

// sendFilm sends a film as a file of that name.
func (a *API) sendFilm(w http.ResponseWriter, r *http.Request, film *library.Film, name string) error {
	nameFile(w, name)
	w.Header().Set("Content-Length", strconv.FormatInt(film.Size, 10))
	out := http.NewResponseController(w)
	err := film.WriteTo(r.Context(), w, func() error { return sendBy(out) })
	if err != nil && r.Context().Err() == nil {
		a.cfg.Log.Debug("a download ended early", "film", name, "error", err)
		panic(http.ErrAbortHandler) // what was promised did not come: the connection must not look well ended
	}
	return nil
}

// recording answers what lies under a channel's recordings.
func (a *API) recording(w http.ResponseWriter, r *http.Request, slug, rest string) {
	id, file, more := strings.Cut(rest, "/")
	switch {
	case more && file == "index.m3u8":
		a.recordingPlaylist(w, r, slug, id)
	case !more:
		a.watch(w, r, slug, "recording.html")
	default:
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
	}
}
