package webpush

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/channel"
	"github.com/mayfly-tv/mayfly/internal/fetch"
	"github.com/mayfly-tv/mayfly/internal/webhook"
)

// browser is one that subscribed: it alone can read what it is told.
type browser struct {
	private *ecdh.PrivateKey
	auth    []byte
	sub     Subscription
	got     []map[string]string
	answer  int // of its push service; 201 if 0, none if below
	tries   int
}

// service is a push service: it looks at what RFC 8030 and 8292 ask for, and hands messages to its browsers.
type service struct {
	t        *testing.T
	key      string // that subscriptions are made for
	mu       sync.Mutex
	browsers map[string]*browser
	tries    int
	onTry    func(try int)
}

// hangs is the answer of a push service that gives none.
const hangs = -2

const origin = "https://push.example.org"

func (p *service) browser(t *testing.T) *browser {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{private: private, auth: []byte(rand.Text())[:16]}
	path := "/send/" + rand.Text()
	text := base64.RawURLEncoding.EncodeToString
	b.sub = Subscription{Endpoint: origin + path, P256dh: text(private.PublicKey().Bytes()), Auth: text(b.auth)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.browsers[path] = b
	return b
}

func (p *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.onTry != nil {
		p.onTry(p.tries)
	}
	b := p.browsers[r.URL.Path]
	if b == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if b.answer != 0 {
		w.WriteHeader(b.answer)
		return
	}
	if r.Method != "POST" || r.Header.Get("Ttl") != "3600" || r.Header.Get("Content-Encoding") != "aes128gcm" || r.Header.Get("Topic") == "" {
		p.t.Errorf("%s with %v", r.Method, r.Header)
	}
	if err := p.vouched(r.Header.Get("Authorization")); err != nil {
		p.t.Errorf("who sends is not known: %v", err)
	}
	body, _ := io.ReadAll(r.Body)
	text, err := b.read(body)
	if err != nil {
		p.t.Errorf("the browser cannot read it: %v", err)
	}
	var said map[string]string
	if err := json.Unmarshal(text, &said); err != nil {
		p.t.Errorf("%q: %v", text, err)
	}
	b.got = append(b.got, said)
	w.WriteHeader(http.StatusCreated)
}

// vouched checks the token of RFC 8292 with the key that subscriptions were made for.
func (p *service) vouched(header string) error {
	token, key, ok := strings.Cut(strings.TrimPrefix(header, "vapid t="), ", k=")
	if !ok || key != p.key {
		return fmt.Errorf("%q, want the key %s", header, p.key)
	}
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return err
	}
	_, err = jwt.Parse(token, func(*jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(origin), jwt.WithSubject("mailto:tv@example.org"), jwt.WithExpirationRequired())
	return err
}

// read decrypts a message as RFC 8188 and 8291 say.
func (b *browser) read(body []byte) ([]byte, error) {
	if len(body) < 21+65 || len(body) > 4096 || body[20] != 65 {
		return nil, fmt.Errorf("%d bytes", len(body))
	}
	salt, sender, sealed := body[:16], body[21:21+65], body[21+65:]
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := b.private.ECDH(public)
	if err != nil {
		return nil, err
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, salt, info, n)
		if err != nil {
			panic(err)
		}
		return out
	}
	ikm := derive(shared, b.auth, "WebPush: info\x00"+string(b.private.PublicKey().Bytes())+string(sender), 32)
	block, err := aes.NewCipher(derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, derive(ikm, salt, "Content-Encoding: nonce\x00", 12), sealed, nil)
	if err != nil {
		return nil, err
	}
	text, _, found := bytes.Cut(text, []byte{2})
	if !found {
		return nil, errors.New("it does not say where the padding begins")
	}
	return text, nil
}

// Post brings a message to the service without a network between.
func (p *service) Post(ctx context.Context, address string, header http.Header, body []byte, _ int64) (fetch.Answer, error) {
	p.mu.Lock()
	b := p.browsers[strings.TrimPrefix(address, origin)]
	answer := 0
	if b != nil {
		b.tries++
		answer = b.answer
	}
	p.mu.Unlock()
	if answer == hangs {
		<-ctx.Done()
		return fetch.Answer{}, ctx.Err()
	}
	if answer < 0 {
		return fetch.Answer{}, errors.New("connection refused")
	}
	r, err := http.NewRequestWithContext(ctx, "POST", address, bytes.NewReader(body))
	if err != nil {
		return fetch.Answer{}, err
	}
	r.Header = header
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return fetch.Answer{Status: w.Code}, ctx.Err()
}

// world is a channel, a push service, and what is on air.
type world struct {
	t       *testing.T
	channel *channel.Channel
	bucket  bucket.Bucket
	service *service
	mine    atomic.Value
	ahead   atomic.Int64 // of the nodes' clocks

	mu    sync.Mutex
	list  []webhook.Aired
	nodes []*Sender
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, channel: &channel.Channel{ID: "c1", Slug: "news", Title: "News", Description: strings.Repeat("ä", 300)}, bucket: bucket.NewMem()}
	w.channel.Visibility = channel.Listed
	w.service = &service{t: t, browsers: map[string]*browser{}}
	w.mine.Store("a")
	return w
}

func (w *world) node(name string, b bucket.Bucket) *Sender {
	s := New(Config{
		Docs: bucket.NewDocuments(b), Node: name, Contact: "tv@example.org", Poster: w.service,
		Aired: func(string) ([]webhook.Aired, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return append([]webhook.Aired(nil), w.list...), true
		},
		Mine: func(string) bool { return w.mine.Load() == name }, Lives: func(string) (bool, bool) { return true, true },
		Logo: func(*channel.Channel) string { return "/logo" }, Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		Mark: func(context.Context, string) error {
			w.change(func(c *channel.Channel) { c.Subscribed = true })
			return nil
		},
	})
	w.mu.Lock()
	w.nodes = append(w.nodes, s)
	w.mu.Unlock()
	s.Changed(w.channel)
	return s
}

// change changes the channel's document, and tells all nodes.
func (w *world) change(f func(*channel.Channel)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := *w.channel
	f(&c)
	w.channel = &c
	for _, n := range w.nodes {
		n.Changed(&c)
	}
}

// air puts something on air; with source "" autopilot.
func (w *world) air(source string) {
	w.off()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.list)
	w.list = append(w.list, webhook.Aired{ID: fmt.Sprint(n), Number: int64(n), Source: source, Plan: source == "", Start: time.Now()})
}

func (w *world) off() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.list); n > 0 && w.list[n-1].End.IsZero() {
		w.list[n-1].End = time.Now()
	}
}

// subscribed makes browsers that are to be told.
func (w *world) subscribed(s *Sender, count int) []*browser {
	w.t.Helper()
	key, err := s.PublicKey(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.service.key = key
	var out []*browser
	for range count {
		b := w.service.browser(w.t)
		if err := s.Subscribe(w.t.Context(), w.channel, b.sub); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func (w *world) heard(b *browser) int {
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	return len(b.got)
}

func run(ctx context.Context, s *Sender) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// TestTold tells a browser of a channel that goes on air: once, in words that it alone can read, not of autopilot, and not
// again after a short break.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.node("a", w.bucket)
		defer run(t.Context(), s)()
		w.air("cam")
		time.Sleep(time.Minute)
		b := w.subscribed(s, 1)[0]
		step := func(what string, want int) {
			t.Helper()
			time.Sleep(15 * time.Second)
			if got := w.heard(b); got != want {
				t.Fatalf("%s: told %d times, want %d", what, got, want)
			}
		}
		step("it is on air already", 0)
		w.off()
		step("it goes", 0)
		w.air("cam")
		step("it comes again at once", 0)
		w.air("")
		time.Sleep(quiet)
		step("autopilot", 0)
		w.air("cam")
		step("on air", 1)
		w.air("two")
		step("a cut", 1)
		w.off()
		time.Sleep(quiet / 2)
		w.air("cam")
		step("after a short break", 1)
		w.off()
		time.Sleep(2 * quiet)
		w.air("cam")
		step("after a long break", 2)
		want := map[string]string{"title": "News is on air", "path": "/news", "icon": "/logo", "body": strings.Repeat("ä", maxBody-1) + "…"}
		if got := b.got[0]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("told %v, want %v", got, want)
		}

		w.off()
		time.Sleep(2 * quiet)
		w.change(func(c *channel.Channel) { c.Visibility = channel.Private })
		w.air("cam")
		step("a channel that is private by now", 2)
		w.off()
		time.Sleep(2 * quiet)
		w.change(func(c *channel.Channel) { c.Visibility = channel.Listed })
		step("when it is open again, but off air", 2)
		w.change(func(c *channel.Channel) { c.Suspended = "It sells things." })
		w.air("cam")
		step("a channel that is suspended by now", 2)
		w.off()
		time.Sleep(2 * quiet)
		w.change(func(c *channel.Channel) { c.Suspended = "" })
		if err := s.Unsubscribe(t.Context(), w.channel, b.sub.ID()); err != nil {
			t.Fatal(err)
		}
		w.air("cam")
		step("taken back", 2)
	})
}

// TestGone forgets browsers that are no more, tries others again, and gives those up that refuse each time, but not those
// whose push service cannot be reached: that may be the node's own network.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.node("a", w.bucket)
		defer run(t.Context(), s)()
		all := w.subscribed(s, 5)
		all[1].answer, all[2].answer, all[3].answer, all[4].answer = 410, 503, 403, -1
		w.service.onTry = func(try int) {
			if try > 6 {
				all[2].answer = 0
			}
		}
		known := func(i int) bool { return s.Subscribed(t.Context(), w.channel, all[i].sub.ID()) == nil }
		for n := range 6 {
			w.air("cam")
			time.Sleep(3 * time.Minute)
			if n == 0 && (!known(0) || known(1) || !known(2) || !known(3)) {
				t.Fatalf("kept: %v %v %v %v", known(0), known(1), known(2), known(3))
			}
			w.off()
			time.Sleep(2 * quiet)
		}
		if w.heard(all[0]) != 6 || w.heard(all[2]) != 6 || known(3) || !known(4) {
			t.Errorf("told %d and %d times, want 6; still tells who refuses: %v, who is away: %v", w.heard(all[0]), w.heard(all[2]), known(3), known(4))
		}
		w.service.mu.Lock()
		tries := w.service.tries
		w.service.mu.Unlock()
		if tries > 40 {
			t.Errorf("%d tries", tries)
		}
		w.ahead.Store(int64(keepFor))
		time.Sleep(time.Minute)
		if o, err := w.bucket.Get(t.Context(), shardOf("c1", all[0].sub.ID())); err != nil || bytes.Contains(o.Data, []byte(all[0].sub.Endpoint)) {
			t.Errorf("half a year later the address is kept: %v", err)
		}
	})
}

// TestDeath has the node that tells die over it: another goes on, everybody is told, and few twice.
func TestDeath(t *testing.T) {
	for _, dies := range []int{1, 60, 150, 299} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			faulty := bucket.NewFaulty(w.bucket, 1, bucket.Faults{})
			a, b, c := w.node("a", faulty), w.node("b", w.bucket), w.node("c", w.bucket)
			all := w.subscribed(a, 300)
			ctx, kill := context.WithCancel(t.Context())
			w.service.onTry = func(try int) {
				if try == dies {
					faulty.Down(true)
					kill()
					w.mine.Store("b")
				}
			}
			defer run(t.Context(), b)()
			defer run(t.Context(), c)()
			stop := run(ctx, a)
			w.air("cam")
			time.Sleep(5 * time.Minute)
			stop()
			twice := 0
			for i, x := range all {
				switch n := w.heard(x); {
				case n == 0 || n > 2:
					t.Fatalf("dies with try %d: browser %d is told %d times", dies, i, n)
				case n == 2:
					twice++
				}
			}
			if twice > batch {
				t.Errorf("dies with try %d: %d are told twice", dies, twice)
			}
		})
	}
}

// TestTwoAtOnce has two nodes that both think it is theirs: they make one pair of keys, and tell each browser once.
func TestTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.node("a", w.bucket), w.node("b", w.bucket)
		a.cfg.Mine = func(string) bool { return true }
		b.cfg.Mine = a.cfg.Mine
		var keys [2]string
		var group sync.WaitGroup
		for i, s := range []*Sender{a, b} {
			group.Go(func() { keys[i], _ = s.PublicKey(t.Context()) })
		}
		group.Wait()
		if keys[0] == "" || keys[0] != keys[1] {
			t.Fatalf("the keys are %v", keys)
		}
		all := append(w.subscribed(a, 40), w.subscribed(b, 40)...)
		defer run(t.Context(), a)()
		defer run(t.Context(), b)()
		w.air("cam")
		time.Sleep(5 * time.Minute)
		for i, x := range all {
			if n := w.heard(x); n != 1 {
				t.Errorf("browser %d is told %d times", i, n)
			}
		}
	})
}

// TestIdle asks the bucket for nothing while nothing happens, apart from looking for what has ended.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var requests atomic.Int64
		counted := bucket.Counted(w.bucket, func(string, error, time.Duration, int64) { requests.Add(1) })
		s := w.node("a", counted)
		defer run(t.Context(), s)()
		w.subscribed(s, 20)
		w.air("cam")
		time.Sleep(time.Hour)
		requests.Store(0)
		time.Sleep(24 * time.Hour)
		if n := requests.Load(); n > 4+shards+2 {
			t.Errorf("a day without an event costs %d requests", n)
		}
	})
}

// TestDropGone removes what was kept of channels that are no more, and of no others, and asks once for each channel.
func TestDropGone(t *testing.T) {
	w := newWorld(t)
	s := w.node("a", w.bucket)
	w.subscribed(s, 20)
	for _, id := range []string{"ended", "unknown", "other"} {
		for i := range byte(shards) {
			if _, err := w.bucket.Put(t.Context(), shardKey(id, i), bucket.Bytes([]byte("{}"))); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := 0
	s.cfg.Mine = func(id string) bool { return id != "other" }
	s.cfg.Lives = func(id string) (bool, bool) { asked++; return false, id != "unknown" }
	if err := s.dropGone(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	if err := bucket.All(t.Context(), w.bucket, prefix, func(e bucket.Entry) error {
		id, _, _ := strings.Cut(strings.TrimPrefix(e.Key, prefix), "/")
		left[id]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if left["c1"] == 0 || left["ended"] != 0 || left["unknown"] != shards || left["other"] != shards || asked != 2 {
		t.Errorf("left are %v, asked %d times", left, asked)
	}
}

// TestFull bounds what is kept of a channel.
func TestFull(t *testing.T) {
	w := newWorld(t)
	d, now := shard{}, time.Now()
	for range maxInShard {
		if err := d.add(w.service.browser(t).sub, "", now); err != nil {
			t.Fatal(err)
		}
	}
	one := w.service.browser(t).sub
	if err := d.add(one, "", now); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if err := d.add(one, "", now.Add(keepFor)); err != nil || len(d.Subscriptions) != 1 {
		t.Errorf("when the others have ended: %v, %d are kept", err, len(d.Subscriptions))
	}
	if err := d.add(one, "", now.Add(keepFor+time.Hour)); !errors.Is(err, errNothing) {
		t.Errorf("the same again: %v", err)
	}
}

// FuzzCheck takes only what a message can be made for.
func FuzzCheck(f *testing.F) {
	good := (&service{browsers: map[string]*browser{}}).browser(&testing.T{}).sub
	f.Add(good.Endpoint, good.P256dh, good.Auth)
	f.Add("https://[::1]:443/", good.P256dh+"=", "AAAAAAAAAAAAAAAAAAAAAA==")
	f.Add("ftp://x", "", "")
	posts := guarded{&service{browsers: map[string]*browser{}}}
	pair, err := New(Config{Docs: bucket.NewDocuments(bucket.NewMem())}).pair(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, endpoint, p256dh, auth string) {
		s := Subscription{Endpoint: endpoint, P256dh: p256dh, Auth: auth}
		if err := s.Check(); err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			return
		}
		answer, err := send(t.Context(), posts, pair, "tv@example.org", &s, "topic", []byte("{}"))
		if err != nil || answer != http.StatusNotFound || !validID(s.ID()) {
			t.Errorf("%+v: %d, %v", s, answer, err)
		}
	})
}
