package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ec2 is the instance metadata service of EC2, version 2: every question needs a token, and tokens expire.
type ec2 struct {
	http *client
	base string

	mu    sync.Mutex
	token string
}

const (
	ec2TokenPath     = "/latest/api/token"
	ec2ActionPath    = "/latest/meta-data/spot/instance-action"
	ec2RebalancePath = "/latest/meta-data/events/recommendations/rebalance"
	ec2TokenSeconds  = "21600" // the longest there is
	maxToken         = 1024
)

func probeEC2(ctx context.Context, c *client, base string) cloud {
	e := &ec2{http: c, base: base}
	if _, err := e.fresh(ctx, ""); err != nil {
		return nil
	}
	return e
}

func (e *ec2) name() string { return "ec2" }

func (e *ec2) questions() []question {
	return []question{
		{about: "spot interruption", ask: func(ctx context.Context) ([]Notice, error) {
			return e.ask(ctx, ec2ActionPath, parseEC2Action)
		}},
		{about: "rebalance recommendation", ask: func(ctx context.Context) ([]Notice, error) {
			return e.ask(ctx, ec2RebalancePath, parseEC2Rebalance)
		}},
	}
}

// ask reads one address; a token that is refused is replaced once.
func (e *ec2) ask(ctx context.Context, path string, parse func([]byte) (Notice, error)) ([]Notice, error) {
	token, err := e.fresh(ctx, "")
	if err != nil {
		return nil, err
	}
	const header = "X-aws-ec2-metadata-token"
	body, _, err := e.http.ask(ctx, http.MethodGet, e.base+path, header, token)
	if refused := statusError(0); errors.As(err, &refused) && refused == http.StatusUnauthorized {
		if token, err = e.fresh(ctx, token); err != nil {
			return nil, err
		}
		body, _, err = e.http.ask(ctx, http.MethodGet, e.base+path, header, token)
	}
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := parse(body)
	if err != nil {
		return nil, err
	}
	return []Notice{n}, nil
}

// fresh returns the token, or another one if it is the one that was refused.
func (e *ec2) fresh(ctx context.Context, refused string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token != "" && e.token != refused {
		return e.token, nil
	}
	body, _, err := e.http.ask(ctx, http.MethodPut, e.base+ec2TokenPath, "X-aws-ec2-metadata-token-ttl-seconds", ec2TokenSeconds)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(body))
	if !isToken(token) {
		return "", fmt.Errorf("the metadata service answered %d bytes that are no token: it is not EC2's", len(body))
	}
	e.token = token
	return token, nil
}

// isToken reports whether s can be sent in a header, as EC2's tokens (base64) can.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// parseEC2Action reads a spot instance action: {"action":"terminate","time":"2017-09-18T08:22:00Z"}. Stop
// and hibernate end the process as terminate does.
func parseEC2Action(body []byte) (Notice, error) {
	var v struct {
		Action string
		Time   string
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return Notice{}, fmt.Errorf("read the spot instance action: %w", err)
	}
	switch v.Action {
	case "terminate", "stop", "hibernate":
	default:
		return Notice{}, fmt.Errorf("spot instance action %.40q: want terminate, stop or hibernate", v.Action)
	}
	at, err := time.Parse(time.RFC3339, v.Time)
	if err != nil {
		at = time.Time{} // the action counts, whatever the time says
	}
	return Notice{Kind: Leave, At: at, Detail: "spot instance: " + v.Action, id: "action " + v.Action + clip(v.Time)}, nil
}

// parseEC2Rebalance reads a rebalance recommendation: {"noticeTime":"2020-10-27T08:22:00Z"}.
func parseEC2Rebalance(body []byte) (Notice, error) {
	var v struct{ NoticeTime string }
	if err := json.Unmarshal(body, &v); err != nil {
		return Notice{}, fmt.Errorf("read the rebalance recommendation: %w", err)
	}
	if _, err := time.Parse(time.RFC3339, v.NoticeTime); err != nil {
		return Notice{}, fmt.Errorf("rebalance recommendation with noticeTime %.40q: want a time such as 2020-10-27T08:22:00Z", v.NoticeTime)
	}
	return Notice{Kind: Rebalance, Detail: "spot instance: higher danger of interruption", id: "rebalance " + clip(v.NoticeTime)}, nil
}

// clip bounds what is kept of a cloud's words.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "") }
