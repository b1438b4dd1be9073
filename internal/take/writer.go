package take

import (
	"fmt"
	"strings"

	"github.com/mayfly-tv/mayfly/internal/bundle"
	"github.com/mayfly-tv/mayfly/internal/cmaf"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// Recorder takes the records of a take's log on their way into bundles. It must not block.
type Recorder interface {
	Append(owner bundle.Owner, items ...bundle.Item) (line uint64)
}

// Birth says what take is to be written.
type Birth struct {
	Take     media.Take     // its id and renditions are made at birth
	Packager PackagerConfig // with the tracks
	Parts    []media.Track  // instead of Packager: the tracks of parts that are ready made; see Writer.Part
	Recorder Recorder
	Watch    func(*Log, Event) // see NewLog
	Exact    func() bool       // whether nothing may be listed that is not safe; nil: never
}

// Writer is the one writer of a take: it packs samples into parts, or gets them ready made, adds them to the
// take's log, and hands them on to be bundled. Its methods are called from one goroutine, but for Mark.
type Writer struct {
	log      *Log
	packager *Packager // nil if its parts come ready made
	recorder Recorder
	pieces   []*Piece
}

// NewWriter gives birth to a take. The birth stands in the log before any part.
func NewWriter(b Birth) (*Writer, error) {
	var p *Packager
	tracks := b.Parts
	if len(tracks) == 0 {
		var err error
		if p, err = NewPackager(b.Packager); err != nil {
			return nil, fmt.Errorf("begin take: %w", err)
		}
		tracks = p.Tracks()
	}
	init, err := cmaf.Init(tracks)
	if err != nil {
		return nil, fmt.Errorf("begin take: write init: %w", err)
	}
	t := b.Take
	t.ID = media.NewTakeID()
	t.Renditions = []media.Rendition{{Name: media.Main, Tracks: tracks, Init: init}}
	w := &Writer{log: NewLog(&t, b.Watch), packager: p, recorder: b.Recorder}
	w.log.exact = b.Exact
	w.record(bundle.Record{Kind: bundle.KindBirth, Take: t.ID, Birth: &t}, nil)
	return w, nil
}

// Log returns the log of the take.
func (w *Writer) Log() *Log { return w.log }

// Write adds a sample. ErrTimeJump says that the sample was not taken because its time does not
// continue the take: end this take and begin another with it.
func (w *Writer) Write(s media.Sample) error {
	err := w.packager.Write(s, w.emit)
	if len(w.pieces) > 0 {
		w.notePieces()
	}
	return err
}

// Part adds the next part of a take whose parts are ready made. Nobody changes p.Data any more.
func (w *Writer) Part(p media.Part) { w.emit(p) }

// emit hands a finished part on to be bundled at the moment at which the log knows it, so that nothing
// is listed that the recorder does not have.
func (w *Writer) emit(p media.Part) {
	w.log.Append(p, func() { w.record(bundle.PartOf(w.log.take.ID, &p), p.Data) })
}

func (w *Writer) record(r bundle.Record, data []byte) (line uint64) {
	return w.recorder.Append(w.log, bundle.Item{Record: r, Data: data})
}

// Piece is the note that an object which a publisher pushed is complete. It stands in the log behind the
// last part that has samples of it.
type Piece struct {
	Written chan struct{} // closed when the note is written, or it is certain that it never will be
	Line    uint64        // its number by then; 0 if it never will be

	note bundle.Piece
	past []int
}

// Piece notes that an object is complete with the samples that were written so far. rest says that nothing
// of another object was written yet.
func (w *Writer) Piece(note bundle.Piece, rest bool) *Piece {
	if rest {
		w.packager.Through(w.emit)
	}
	p := &Piece{Written: make(chan struct{}), note: note, past: w.packager.taken()}
	w.pieces = append(w.pieces, p)
	w.notePieces()
	return p
}

// notePieces writes the notes of pieces that have left the packager.
func (w *Writer) notePieces() {
	for len(w.pieces) > 0 && w.packager.emitted(w.pieces[0].past) {
		p := w.pieces[0]
		w.pieces = w.pieces[1:]
		p.Line = w.record(bundle.Record{Kind: bundle.KindPiece, Take: w.log.take.ID, Piece: p.note}, nil) // 0: it cannot be stored
		close(p.Written)
	}
}

// Drop ends the writing without a word: the incarnation is over.
func (w *Writer) Drop() {
	for _, p := range w.pieces {
		close(p.Written)
	}
	w.pieces = nil
}

// Mark writes a mark after the newest part of the log. fill makes it, for the place where the log
// stands; no part comes in between. The log's watcher is told when the mark is safe. It may be called
// from any goroutine.
func (w *Writer) Mark(fill func(Edge) []byte) {
	w.log.mark(func(e Edge) []byte {
		data := fill(e)
		w.record(bundle.Record{Kind: bundle.KindMark, Take: w.log.take.ID, Mark: data}, nil)
		return data
	})
}

// Finish cuts what waits into the last parts; Mark may follow, and then End.
func (w *Writer) Finish() {
	if w.packager != nil {
		w.packager.Flush(w.emit)
	}
	w.notePieces()
}

// maxWhy bounds the text that says why a take ended.
const maxWhy = 500

// End closes the take, and says why for people.
func (w *Writer) End(why string) {
	why = strings.ToValidUTF8(why[:min(len(why), maxWhy)], "")
	w.Finish()
	w.record(bundle.Record{Kind: bundle.KindEnd, Take: w.log.take.ID, End: why}, nil)
	w.log.End()
}
