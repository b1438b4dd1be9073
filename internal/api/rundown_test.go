package api

import (
	"fmt"
	"testing"
)

// TestRundown prepares a show, and has two producers walk through it.
func TestRundown(t *testing.T) {
	s, _ := serve(t, token)
	openDoor(t, s)
	ada := signUp(t, s, "ada")
	c := ada.want(201, "POST", "/api/v1/channels", `{"slug":"news"}`)
	source := c["sources"].([]any)[0].(map[string]any)["id"].(string)
	const at = "/api/v1/channels/news/rundown"
	if r := ada.want(200, "GET", at, ""); len(r["steps"].([]any)) != 0 {
		t.Errorf("a rundown of nothing: %v", r)
	}
	before := ada.want(200, "GET", "/api/v1/channels/news", "")["revision"]
	ada.want(201, "POST", at+"/steps", `{"note":"Bells","duration":60}`)
	r := ada.want(201, "POST", at+"/steps", fmt.Sprintf(`{"source":%q,"note":"Welcome"}`, source))
	if after := ada.want(200, "GET", "/api/v1/channels/news", "")["revision"]; after == before {
		t.Error("other producers are not told")
	}
	step := func(n int) map[string]any { return r["steps"].([]any)[n].(map[string]any) }
	bells, welcome := step(0)["id"].(string), step(1)["id"].(string)
	ada.want(422, "POST", at+"/steps", `{"source":"nobody"}`)
	ada.want(422, "POST", at+"/steps", `{}`)
	ada.want(422, "POST", at+"/steps", `{"note":"x","duration":-1}`)
	ada.want(200, "PATCH", at+"/steps/"+bells, `{"version":1,"note":"Bells, quietly"}`)
	ada.want(409, "PATCH", at+"/steps/"+bells, `{"version":1,"note":"No bells"}`)
	ada.want(404, "PATCH", at+"/steps/nothing", `{"version":1,"note":"x"}`)
	if r = ada.want(200, "POST", at+"/steps/"+welcome+"/move", `{"after":""}`); step(0)["id"] != welcome {
		t.Errorf("moved: %v", r)
	}
	if r = ada.want(200, "POST", at+"/go", fmt.Sprintf(`{"from":"","to":%q}`, welcome)); r["current"] != welcome {
		t.Errorf("gone on: %v", r)
	}
	ada.want(409, "POST", at+"/go", fmt.Sprintf(`{"from":"","to":%q}`, bells))
	if r = ada.want(200, "DELETE", at+"/steps/"+welcome, ""); len(r["steps"].([]any)) != 1 || r["current"] != nil {
		t.Errorf("removed: %v", r)
	}
}
