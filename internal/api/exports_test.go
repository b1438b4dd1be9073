package api

import (
	"io"
	"net/http"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/media"
)

// TestExports has recordings of several kinds whose MP4 nobody wanted, is made, or is there.
func TestExports(t *testing.T) {
	const plain, mixed, ready = "00000000000000aa", "00000000000000bb", "00000000000000cc"
	take := media.NewTakeID().String()
	n := newNewsroom(t, `
		{"id":"`+plain+`","title":"One","state":"whole","duration":90000},
		{"id":"`+mixed+`","title":"Two","state":"whole","duration":90000,"mixed":true},
		{"id":"`+ready+`","title":"Café","state":"whole","duration":90000,"mixed":true,"export":{"state":"ready","bytes":9,"take":"`+take+`"}}`)
	ada, eve, nobody := n.ada, n.eve, n.nobody
	if _, err := n.bucket.PutIfAbsent(t.Context(), "clips/"+n.channel+"/"+ready+"/"+take+"-00000", bucket.Bytes([]byte("some film"))); err != nil {
		t.Fatal(err)
	}
	const at = "/api/v1/channels/news/recordings/"
	state := func(p *person, id string) (export any, download bool) {
		r := p.want(200, "GET", at+id, "")
		if e, ok := r["export"].(map[string]any); ok {
			export = e["state"]
		}
		return export, r["download"] != nil
	}
	for id, want := range map[string]struct {
		export   any
		download bool
	}{plain: {nil, true}, mixed: {"none", false}, ready: {"ready", true}} {
		if export, download := state(ada, id); export != want.export || download != want.download {
			t.Errorf("%s: %v, download %v", id, export, download)
		}
		if export, download := state(nobody, id); export != nil || download {
			t.Errorf("a stranger is shown of %s: %v, download %v", id, export, download)
		}
	}
	eve.want(403, "POST", at+mixed+"/export", "")
	ada.want(422, "POST", at+plain+"/export", "")
	ada.want(404, "POST", at+"00000000000000dd/export", "")
	for range 2 {
		ada.want(202, "POST", at+mixed+"/export", "")
		if export, download := state(ada, mixed); export != "making" || download {
			t.Errorf("when it is wanted: %v, download %v", export, download)
		}
	}
	download := func(piece string) (*http.Response, string) {
		request, _ := http.NewRequest("GET", n.url+at+ready+"/download", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		if piece != "" {
			request.Header.Set("Range", piece)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer, string(body)
	}
	if answer, body := download(""); answer.StatusCode != 200 || body != "some film" || answer.Header.Get("Content-Type") != "video/mp4" || answer.ContentLength != 9 {
		t.Errorf("the download: %s %q %v", answer.Status, body, answer.Header)
	}
	if answer, body := download("bytes=5-"); answer.StatusCode != 206 || body != "film" {
		t.Errorf("a download that goes on: %s %q", answer.Status, body)
	}
}
