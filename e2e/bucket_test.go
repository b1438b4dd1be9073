package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket/buckettest"
)

func s3Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + buckettest.AccessKey, "AWS_SECRET_ACCESS_KEY=" + buckettest.SecretKey}
}

// onS3 starts a node on a real S3 server.
func onS3(t *testing.T, s *buckettest.S3Server) *node {
	t.Helper()
	n := &node{t: t, bucket: s.Bucket("tv"), spool: t.TempDir(), env: s3Env(), http: "127.0.0.1:0", rtmp: "127.0.0.1:0", mesh: "127.0.0.1:0"}
	n.start()
	return n
}

// outage is how long the bucket is away.
const outage = 60 * time.Second

// TestBucketOutage stops the S3 server for a minute in the middle of a broadcast. A client that follows
// the channel misses no frame and is never late, new viewers can come, and afterwards every frame is in
// the bucket: a second node that has nothing but the bucket serves them all.
func TestBucketOutage(t *testing.T) {
	t.Parallel()
	s3 := buckettest.StartS3(t)
	n := onS3(t, s3)
	file := media(t, int((outage + 20*time.Second).Seconds()))
	encoder := publish(t, file, n.channel("outage"))
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("outage") == "live" })

	done := make(chan []fetched, 1)
	longest := time.Duration(0)
	go func() {
		last := time.Now()
		done <- n.follow("outage", func() bool {
			longest = max(longest, time.Since(last))
			last = time.Now()
			return n.state("outage") == "off"
		})
	}()
	after(6 * time.Second)
	s3.Stop()
	after(outage / 2)
	if spooled := n.metric("mayfly_spool_bytes"); spooled < 1e6 {
		t.Errorf("after %v without a bucket %.0f bytes are spooled, want over 1 MB", outage/2, spooled)
	}
	if status, body := n.get("/outage/dvr/main.m3u8"); status != 200 || !strings.Contains(string(body), "/0.m4s") {
		t.Errorf("a new viewer during the outage gets %d", status)
	}
	after(outage / 2)
	s3.Start()

	var live []fetched
	select {
	case live = <-done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the broadcast does not end; the node said:\n%s", tail(n.process.output()))
	}
	encoder.wait(t, time.Minute)
	if len(live) != 1 {
		t.Fatalf("the client saw %d takes, want 1", len(live))
	}
	expectSame(t, "live through the outage", n.download(live[0]), file)
	if longest > 4*time.Second {
		t.Errorf("the client waited up to %v for the next segment, want at most 4s", longest)
	}
	n.until("the spool is empty", 20*time.Second, func() bool { return n.metric("mayfly_spool_bytes") == 0 })
	n.stop()

	other := onS3(t, s3)
	other.until("the other node knows the channel", 20*time.Second, func() bool { return other.state("outage") == "off" })
	expectSame(t, "from the bucket alone", other.download(other.dvr("outage", 1)[0]), file)
	t.Logf("longest wait for a segment: %v", longest)
}

// TestLostNode kills a node on S3 and starts another one that has neither its spool nor its name: it
// finds everything that was flushed, and goes on at a far higher number.
func TestLostNode(t *testing.T) {
	t.Parallel()
	s3 := buckettest.StartS3(t)
	n := onS3(t, s3)
	file := media(t, 20)
	address := n.channel("lost")
	key := address[strings.LastIndexByte(address, '/')+1:]
	encoder := publish(t, file, address)
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("lost") == "live" })
	after(6 * time.Second)
	_, before := n.get("/lost/main.m3u8")
	n.process.kill()
	encoder.wait(t, 20*time.Second)

	other := onS3(t, s3)
	other.until("the channel is known", 20*time.Second, func() bool { return other.state("lost") != "" })
	encoder = publish(t, file, "rtmp://"+other.rtmp+"/live/"+key)
	other.until("the channel is on air again", 30*time.Second, func() bool { return other.state("lost") == "live" })
	// Until the lost node is ended, the other one shows what it left in the bucket.
	var body []byte
	eventually(20*time.Second, func() bool {
		_, b := other.get("/lost/main.m3u8")
		body = b
		return number(string(b), "#EXT-X-MEDIA-SEQUENCE:") == 65536
	})
	was, is := number(string(before), "#EXT-X-MEDIA-SEQUENCE:"), number(string(body), "#EXT-X-MEDIA-SEQUENCE:")
	if is != 65536 {
		t.Errorf("the media sequence went from %d to %d, want a leap to 65536", was, is)
	}
	encoder.kill()
}
