package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds what a metadata service may answer.
const maxAnswer = 64 << 10

// errAbsent: the service answered that there is nothing at the address (404).
var errAbsent = errors.New("nothing there")

// statusError is any other answer than 200.
type statusError int

func (s statusError) Error() string {
	return fmt.Sprintf("the metadata service answered %d, want 200 or 404", int(s))
}

// client speaks to a metadata service: never through a proxy, never where a redirect points.
type client struct{ http *http.Client }

func newClient() *client {
	return &client{&http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ask makes a request and returns the body and headers of a 200. headers come in pairs.
func (c *client) ask(ctx context.Context, method, url string, headers ...string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, resp.Header, errAbsent
	case resp.StatusCode != http.StatusOK:
		return nil, resp.Header, statusError(resp.StatusCode)
	case err != nil:
		return nil, nil, fmt.Errorf("read from the metadata service: %w", err)
	case len(body) > maxAnswer:
		return nil, nil, fmt.Errorf("the metadata service answered over %d bytes: not an answer of a cloud", maxAnswer)
	}
	return body, resp.Header, nil
}
