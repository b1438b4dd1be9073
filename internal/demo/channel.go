package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// description marks the channels that a demonstration made: no other one is published to.
const description = "Made by mayfly demo."

// madeChannel is what is read of a channel that was made.
type madeChannel struct {
	Description string `json:"description"`
	Sources     []struct {
		StreamKey string `json:"streamKey"`
	} `json:"sources"`
}

// channel makes a channel, or finds that of an earlier demonstration, and returns its stream key. It tries
// until a node is there.
func (d *demo) channel(ctx context.Context, slug, title string) (string, error) {
	body, err := json.Marshal(map[string]any{"slug": slug, "title": title, "description": description, "dvrWindow": 600})
	if err != nil {
		return "", err
	}
	for {
		key, err := d.tryChannel(ctx, slug, body)
		if err == nil || errors.Is(err, errForeign) {
			return key, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

var errForeign = errors.New("the bucket already has a channel of that name which no demonstration made: give another --bucket, or none")

func (d *demo) tryChannel(ctx context.Context, slug string, body []byte) (string, error) {
	status, made, err := d.call(ctx, http.MethodPost, "/api/v1/channels", body)
	if err == nil && status == http.StatusConflict {
		status, made, err = d.call(ctx, http.MethodGet, "/api/v1/channels/"+slug, nil)
	}
	switch {
	case err != nil:
		return "", err
	case status != http.StatusOK && status != http.StatusCreated:
		return "", fmt.Errorf("make the channel %s: a node answered %d", slug, status)
	case made.Description != description || len(made.Sources) == 0:
		return "", fmt.Errorf("channel %s: %w", slug, errForeign)
	}
	return made.Sources[0].StreamKey, nil
}

// call asks a node, through the front as everybody does.
func (d *demo) call(ctx context.Context, method, path string, body []byte) (int, madeChannel, error) {
	var c madeChannel
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+d.webLn.Addr().String()+path, bytes.NewReader(body))
	if err != nil {
		return 0, c, err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.poller.client.Do(req)
	if err != nil {
		return 0, c, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, c, err
	}
	if resp.StatusCode < 300 {
		err = json.Unmarshal(data, &c)
	}
	return resp.StatusCode, c, err
}
