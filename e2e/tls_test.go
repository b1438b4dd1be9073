package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a self-signed certificate for localhost.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// address returns where the node listens for something, as its log says.
func (n *node) address(name string) string {
	n.t.Helper()
	_, rest, ok := strings.Cut(n.process.output(), `"for":"`+name+`","address":"`)
	if !ok {
		n.t.Fatalf("the node does not listen for %s", name)
	}
	address, _, _ := strings.Cut(rest, `"`)
	return address
}

// TestTLS publishes over RTMPS and watches over HTTP/2.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	n := newNode(t, "", "--https", "127.0.0.1:0", "--rtmps", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	address := n.channel("secure")
	secret := address[strings.LastIndexByte(address, '/')+1:]
	encoder := publish(t, media(t, 8), "rtmps://"+n.address("rtmps")+"/live/"+secret)
	secure := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	get := func(path string) (*http.Response, string) {
		resp, err := secure.Get("https://" + n.address("https") + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("secure") == "live" })
	resp, list := get("/secure/main.m3u8?_HLS_msn=1")
	if resp.StatusCode != 200 || resp.ProtoMajor != 2 || !strings.Contains(list, "#EXTINF") {
		t.Errorf("playlist over %s: %d", resp.Proto, resp.StatusCode)
	}
	for _, path := range listedParts(list)[:3] {
		if resp, body := get(path); resp.StatusCode != 200 || resp.ProtoMajor != 2 || len(body) == 0 {
			t.Errorf("%s over %s: %d", path, resp.Proto, resp.StatusCode)
		}
	}
	if err := encoder.wait(t, time.Minute); err != nil {
		t.Errorf("ffmpeg: %v\n%s", err, encoder.output())
	}
}

// TestKeysAreSecret looks for the stream key in everything that people without the right can see.
func TestKeysAreSecret(t *testing.T) {
	t.Parallel()
	n := newNode(t, "", "--log-level", "debug")
	address := n.channel("secret")
	key := address[strings.LastIndexByte(address, '/')+1:]
	encoder := publish(t, media(t, 5), address)
	n.until("the channel is on air", 10*time.Second, func() bool { return n.state("secret") == "live" })
	wrong := publish(t, media(t, 2), strings.Replace(address, "/live/", "/wrong/", 1))
	wrong.wait(t, 20*time.Second)
	after(2 * time.Second)
	seen := map[string]string{"log": n.process.output()}
	for _, path := range []string{"/", "/secret", "/metrics", "/api/v1/guide", "/api/v1/channels", "/api/v1/channels/secret", "/api/v1/nodes", "/secret/index.m3u8", "/secret/main.m3u8", "/readyz"} {
		status, body := n.get(path)
		if status != 200 {
			t.Errorf("GET %s: %d", path, status)
		}
		seen[path] = string(body)
	}
	encoder.wait(t, 20*time.Second)
	seen["log at the end"] = n.process.output()
	for where, text := range seen {
		if strings.Contains(text, key) || strings.Contains(text, key[:8]) {
			t.Errorf("%s shows the stream key", where)
		}
	}
}
