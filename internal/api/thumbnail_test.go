package api

import (
	"context"
	"testing"

	"github.com/mayfly-tv/mayfly/internal/media"
)

// painter draws a take as its name.
type painter struct{}

func (painter) Clip(_ context.Context, a media.Address) ([]byte, error) {
	return []byte(a.String()), nil
}

func (painter) Thumbnail(_ context.Context, take, node string) ([]byte, error) {
	return []byte(`{"take":"` + take + `","node":"` + node + `"}`), nil
}

// TestThumbnails: what a source sends is for those who work on the channel; what is not on air has no picture.
func TestThumbnails(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada, bob, nobody := signUp(t, s, "ada"), signUp(t, s, "bob"), &person{t: t, s: s}
	made := ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	source := made["sources"].([]any)[0].(map[string]any)
	at := "/api/v1/channels/news/sources/" + source["id"].(string) + "/thumbnail.jpg"
	nobody.want(401, "GET", at, "")
	bob.want(403, "GET", at, "")
	ada.want(404, "GET", at, "") // sends nothing
	nobody.want(404, "GET", "/news/thumbnail.jpg", "")
	nobody.want(404, "GET", "/other/thumbnail.jpg", "")
	if key, _ := source["cameraKey"].(string); len(key) < 20 || key == source["streamKey"] {
		t.Errorf("the camera's key is %q", key)
	}
}
