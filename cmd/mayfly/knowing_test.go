package main

import (
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/program"
)

// TestAirings copies a cut list when it or the channel's document is another, and at no other time.
func TestAirings(t *testing.T) {
	var a airings
	at := time.Unix(1, 0)
	c := &channel.Channel{ID: "c1", Sources: []channel.Source{{ID: "cam", Name: "Camera"}}}
	list := &program.CutList{Entries: []program.Entry{{ID: "e1", Source: "cam", Number: 7, ProgramTime: at}}}
	one := a.of(list, c)
	if len(one) != 1 || one[0].ID != "e1" || one[0].Source != "cam" || one[0].Name != "Camera" || one[0].Number != 7 || !one[0].Start.Equal(at) || !one[0].End.IsZero() {
		t.Errorf("aired: %+v", one)
	}
	if n := testing.AllocsPerRun(100, func() { a.of(list, c) }); n != 0 {
		t.Errorf("what is known already is copied with %v allocations", n)
	}
	renamed := &channel.Channel{ID: "c1", Sources: []channel.Source{{ID: "cam", Name: "Left"}}}
	if got := a.of(list, renamed); got[0].Name != "Left" {
		t.Errorf("a source is called %q", got[0].Name)
	}
	longer := &program.CutList{Entries: append(list.Entries, program.Entry{ID: "e2", Number: 9})}
	if got := a.of(longer, renamed); len(got) != 2 || got[1].ID != "e2" {
		t.Errorf("a longer list: %+v", got)
	}
	a.changed(renamed)
	if len(a.known) != 1 {
		t.Error("a channel that was changed is forgotten")
	}
	a.changed(&channel.Channel{ID: "c1", Deleted: at})
	if len(a.known) != 0 {
		t.Errorf("of a deleted channel is kept %+v", a.known)
	}
}
