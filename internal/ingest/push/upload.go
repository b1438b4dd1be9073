package push

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// upload is one PUT or POST of an object.
type upload struct {
	h    *Handler
	s    *session
	p    place
	r    *http.Request
	body *intake

	renewed bool
}

// renew begins a new session, because the encoder began anew under the name of the old one. inits says
// that the inits are still those.
func (u *upload) renew(sum [32]byte, inits bool) error {
	if u.renewed || u.p.explicit {
		return errOther
	}
	u.renewed = true
	s, err := u.h.enter(u.r, u.p, u.s, hex.EncodeToString(sum[:4]), inits)
	if err != nil {
		return err
	}
	u.s.leave()
	u.s = s
	return nil
}

// run takes the upload in and returns the status of the answer.
func (u *upload) run() (int, error) {
	kind, err := u.body.sniff()
	switch {
	case err != nil:
		return 0, errCutOff
	case kind == formatEmpty: // a probe, as DASH-IF live ingest has it
		return http.StatusOK, nil
	case kind == formatOther:
		return 0, errKind
	}
	var known bool
	u.s.do(func(m *stream, _ time.Duration) error {
		_, known = m.known[u.p.name]
		return nil
	})
	if kind == formatTS || known || u.r.ContentLength >= 0 {
		return u.whole(kind)
	}
	return u.stream()
}

// whole takes in an object when all of it is here, so that nothing of one that was cut off counts.
func (u *upload) whole(kind format) (int, error) {
	data, release, err := u.body.all(u.h.cfg.MaxObject, u.r.ContentLength, &u.h.held)
	defer release()
	if err != nil {
		return 0, cutOff(err)
	}
	sum := sha256.Sum256(data)
	var samples []sample
	var head *header
	if kind == formatTS {
		if done, status, err := u.seen(sum); done {
			return status, err
		}
		if samples, err = readSegment(data); err != nil {
			return 0, err
		}
		return u.object(kind, nil, samples, sum)
	}
	r := &boxReader{r: bufio.NewReader(bytes.NewReader(data)), max: u.h.cfg.MaxObject}
	for {
		c, err := r.next()
		switch {
		case err == io.EOF && head != nil && samples == nil:
			return u.init(head, sum)
		case err == io.EOF:
			return u.object(kind, head, samples, sum)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return 0, broken("the last box is cut short")
		case err != nil:
			return 0, err
		case c.init != nil:
			if head, err = readHeader(c.init); err != nil {
				return 0, err
			}
			continue
		}
		if samples == nil {
			if done, status, err := u.seen(sum); done {
				return status, err
			}
		}
		if head == nil {
			if head, err = u.s.header(u.r.Context(), u.p); err != nil {
				return 0, err
			}
		}
		more, err := head.read(c.fragment, c.at)
		if err != nil {
			return 0, err
		}
		samples = append(samples, more...)
	}
}

// init notes an init. It is answered at once: whoever misses it says so (412).
func (u *upload) init(h *header, sum [32]byte) (int, error) {
	h.sum = sum
	note := func() error {
		return u.s.do(func(m *stream, _ time.Duration) error {
			err := m.init(u.p.name, h)
			u.s.initArrived()
			return err
		})
	}
	err := note()
	if err == errOther {
		if err = u.renew(sum, false); err == nil {
			err = note()
		}
	}
	return http.StatusCreated, err
}

// seen answers what is known already: done says that there is an answer.
func (u *upload) seen(sum [32]byte) (done bool, status int, err error) {
	var found piece
	var known, anew bool
	var same *object
	err = u.s.do(func(m *stream, now time.Duration) error {
		found, known = m.known[u.p.name]
		if l := m.lanes[u.p.lane]; known && !m.explicit && l != nil {
			anew = m.repeated || u.p.numbered && u.p.number < l.last
		}
		if same = m.open[u.p.name]; same == nil || known {
			return nil
		}
		if !same.whole {
			m.abort(now, same, errAnew)
			same = nil
		} else if same.sum != sum {
			return errOther
		}
		return nil
	})
	switch {
	case err != nil:
		return true, 0, err
	case same != nil && !known:
		return true, http.StatusCreated, u.wait(func(ctx context.Context) error { return u.s.await(ctx, same) })
	case !known:
		return false, 0, nil
	case found.sum == sum:
		return true, http.StatusOK, u.wait(func(ctx context.Context) error { return u.s.durable(ctx, found.durable) })
	case anew:
		if err := u.renew(sum, true); err != nil {
			return true, 0, err
		}
		return u.seen(sum)
	}
	return true, 0, errOther
}

// object writes an object that has arrived and waits until it is durable. It is taken in whether or not its sender
// goes on waiting: one that sends it again meanwhile waits for the same, and finds it later.
func (u *upload) object(kind format, h *header, samples []sample, sum [32]byte) (int, error) {
	if samples == nil && kind == formatMP4 {
		return 0, errKind
	}
	o, err, _ := u.s.taking.Do(u.p.name+" "+string(sum[:]), func() (any, error) { return u.take(kind, h, samples, sum) })
	if err != nil {
		return 0, err
	}
	return http.StatusCreated, u.wait(func(ctx context.Context) error { return u.s.await(ctx, o.(*object)) })
}

// take puts an object into its session.
func (u *upload) take(kind format, h *header, samples []sample, sum [32]byte) (o *object, err error) {
	if h != nil {
		if samples, err = u.aac(h, samples); err != nil {
			return nil, err
		}
	}
	err = u.begin(sum, func(m *stream, now time.Duration, begun *object) error {
		o = begun
		o.header, o.ts = h, kind == formatTS
		if err := m.feed(now, o, samples); err != nil {
			m.abort(now, o, err)
			return err
		}
		m.finish(now, o, sum)
		return nil
	})
	return o, err
}

// begin begins the object, in a new session if the encoder began anew, and goes on with f.
func (u *upload) begin(sum [32]byte, f func(m *stream, now time.Duration, o *object) error) error {
	oldest, bad := strconv.ParseUint(u.r.Header.Get(HeaderOldest), 10, 63)
	begin := func() error {
		return u.s.do(func(m *stream, now time.Duration) error {
			o, err := m.begin(u.p, oldest, bad == nil)
			if err != nil {
				return err
			}
			return f(m, now, o)
		})
	}
	err := begin()
	if err == errOther {
		if err = u.renew(sum, true); err == nil {
			err = begin()
		}
	}
	return err
}

// wait calls f with the time that an answer may take.
func (u *upload) wait(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(u.r.Context(), u.h.cfg.AckTimeout)
	defer cancel()
	return f(ctx)
}

// stream takes in an upload as it arrives: a segment in chunks, or a whole stream.
func (u *upload) stream() (int, error) {
	r := &boxReader{r: u.body.buf, max: u.h.cfg.MaxObject}
	var own, head *header
	var o *object
	for {
		c, err := r.next()
		switch {
		case err == io.EOF:
			return u.ended(own, o)
		case err == nil && c.init != nil:
			if own, err = readHeader(c.init); err == nil {
				head = own
			}
		case err == nil && o == nil:
			o, err = u.first(own)
			if err == nil && head == nil {
				head, err = u.s.header(u.r.Context(), u.p)
			}
			if err == nil {
				o.header = head
			}
		}
		if err == nil && c.fragment != nil {
			err = u.chunk(o, head, c)
		}
		if err != nil {
			err = cutOff(err)
			if o != nil {
				u.s.do(func(m *stream, now time.Duration) error {
					m.abort(now, o, err)
					return nil
				})
			}
			return 0, err
		}
	}
}

// first begins the object of a streamed upload with its first fragment. One of the same name that is
// still open was cut off, and this is its repetition.
func (u *upload) first(own *header) (o *object, err error) {
	u.s.do(func(m *stream, now time.Duration) error {
		if old := m.open[u.p.name]; old != nil && !old.whole {
			m.abort(now, old, errAnew)
		}
		return nil
	})
	var random [32]byte
	rand.Read(random[:])
	err = u.begin(random, func(m *stream, now time.Duration, begun *object) error {
		o = begun
		if own == nil {
			return nil
		}
		err := m.own(o, own)
		if err != nil {
			m.abort(now, o, err)
		}
		return err
	})
	return o, err
}

// chunk takes in a fragment.
func (u *upload) chunk(o *object, head *header, c chunk) error {
	if head.opus != nil {
		return refuse(411, "length", "an object with Opus is taken as a whole: say how long it is (Content-Length), or send AAC")
	}
	samples, err := head.read(c.fragment, c.at)
	if err != nil {
		return err
	}
	return u.s.do(func(m *stream, now time.Duration) error {
		o.header = head
		return m.feed(now, o, samples)
	})
}

// ended finishes a streamed upload.
func (u *upload) ended(own *header, o *object) (int, error) {
	sum := u.body.digest()
	switch {
	case o == nil && own != nil:
		return u.init(own, sum)
	case o == nil:
		return 0, errKind
	}
	err := u.s.do(func(m *stream, now time.Duration) error {
		m.finish(now, o, sum)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return http.StatusCreated, u.wait(func(ctx context.Context) error { return u.s.await(ctx, o) })
}

// cutOff gives the words for an upload that broke, unless it was refused.
func cutOff(err error) error {
	if _, ok := errors.AsType[*Refusal](err); ok {
		return err
	}
	return errCutOff
}
