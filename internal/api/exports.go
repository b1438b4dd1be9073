package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/mayfly-tv/mayfly/internal/account"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/library"
)

// RecordingExport is the MP4 of a recording that has to be made, as the API shows it.
type RecordingExport struct {
	State    string  `json:"state" enum:"none,making,ready,failed" doc:"none: nobody has asked for it"`
	Progress float64 `json:"progress,omitempty" doc:"from 0 to 1, when a recording is read by itself"`
	Fault    string  `json:"fault,omitempty"`
	Bytes    int64   `json:"bytes,omitempty"`
}

// showExport returns nil for a recording that is one MP4 as it is.
func showExport(r *library.Recording) *RecordingExport {
	switch {
	case r.Export != nil:
		return &RecordingExport{State: string(r.Export.State), Fault: r.Export.Fault, Bytes: r.Export.Bytes}
	case r.Mixed != nil && *r.Mixed:
		return &RecordingExport{State: "none"}
	}
	return nil
}

func (a *API) exportRecording(ctx context.Context, in *recordingInput) (*recordingOutput, error) {
	c, err := a.channel(ctx, in.Channel, account.Change)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	r, err := a.cfg.Library.Export(bounded, c.ID, in.Recording)
	if err != nil {
		return nil, a.problem(err)
	}
	a.note(ctx, c.ID, "recording.export", r.Title)
	return &recordingOutput{showRecording(c, &r, true, "")}, nil
}

func (a *API) downloadRecording(w http.ResponseWriter, r *http.Request, c *channel.Channel) error {
	found, err := a.cfg.Library.Recording(r.Context(), c.ID, r.PathValue("recording"))
	if err != nil {
		return err
	}
	name := found.Title + " " + found.Begin.UTC().Format("2006-01-02")
	if found.Export != nil && found.Export.State == library.Exported {
		nameFile(w, name)
		http.ServeContent(w, r, "", found.End, &timed{a.cfg.Library.OpenExport(r.Context(), c.ID, &found), http.NewResponseController(w)})
		return nil
	}
	film, err := a.cfg.Library.RecordingFilm(r.Context(), c.ID, found.ID, 0, 0)
	if err != nil {
		return err
	}
	return a.sendFilm(w, r, film, name)
}

// nameFile says that an answer is an MP4 to be kept under a name.
func nameFile(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(name) + ".mp4"}))
}

// sendBy bounds how long whoever downloads may take for what is sent next.
func sendBy(out *http.ResponseController) error {
	if err := out.SetWriteDeadline(time.Now().Add(readTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// timed bounds how long whoever downloads may take for what is read at a time.
type timed struct {
	io.ReadSeeker
	out *http.ResponseController
}

func (t *timed) Read(p []byte) (int, error) {
	if err := sendBy(t.out); err != nil {
		return 0, err
	}
	return t.ReadSeeker.Read(p)
}
