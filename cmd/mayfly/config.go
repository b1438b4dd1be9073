package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"

	"github.com/mayfly-tv/mayfly/internal/fault"
)

// cli is the command line. Every flag is also MAYFLY_<FLAG> in the environment and a key of the TOML
// file; the command line counts before the environment, and that before the file.
type cli struct {
	Config    string `help:"TOML file with settings, named like the flags." placeholder:"FILE" type:"path"`
	LogFormat string `help:"Form of the log: text or json." default:"text" enum:"text,json"`
	LogLevel  string `help:"Least level of the log: debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`

	Serve   serveFlags `cmd:"" help:"Run a node."`
	Check   checkFlags `cmd:"" help:"Say what is wrong with the bucket, the ports, ffmpeg and the clock, and how to mend it."`
	Version struct{}   `cmd:"" help:"Print the version."`
	Demo    demoFlags  `cmd:"" help:"Show a fleet on this machine, with a page that kills its nodes."`
	Push    pushFlags  `cmd:"" help:"Push a stream to nodes so that no frame is lost, whichever machine dies."`
}

// bucketFlags say where everything is kept.
type bucketFlags struct {
	Bucket string `help:"Where everything is kept: a directory, or s3://name/prefix?endpoint=URL&region=REGION." default:"./mayfly-data"`
	Spool  string `help:"Directory for what the bucket does not have yet." placeholder:"DIR"`
	Node   string `help:"Name of this node; made up and kept in the spool if absent." placeholder:"NAME"`
}

// faultFlags let demonstrations and tests harm a node.
type faultFlags struct {
	Faults     string `hidden:"" help:"Loopback address of a control that harms this node." placeholder:"ADDR"`
	FaultsAway bool   `hidden:"" help:"Begin with the bucket away."`
	Metadata   string `hidden:"" help:"Address of the cloud's metadata service; that of all clouds if empty." placeholder:"URL"`
}

// check says whether the control may be listened at.
func (f *faultFlags) check() error {
	if f.Faults == "" {
		if f.FaultsAway {
			return errors.New("--faults-away: the bucket could never come back without --faults")
		}
		return nil
	}
	if err := fault.Address(f.Faults); err != nil {
		return fmt.Errorf("--faults %w", err)
	}
	return nil
}

// serveFlags are the settings of a node.
type serveFlags struct {
	bucketFlags
	faultFlags
	libraryFlags
	chatFlags

	HTTP  string `name:"http" help:"Address for viewers, pages and API; port 0 takes a free one." default:":8080"`
	HTTPS string `name:"https" help:"The same with TLS." placeholder:"ADDR"`
	RTMP  string `name:"rtmp" help:"Address for encoders." default:":1935"`
	RTMPS string `name:"rtmps" help:"The same with TLS." placeholder:"ADDR"`

	TLSCert string   `name:"tls-cert" help:"Certificate (PEM)." placeholder:"FILE"`
	TLSKey  string   `name:"tls-key" help:"Its private key (PEM)." placeholder:"FILE"`
	ACME    []string `name:"acme" help:"Domains to get certificates for by ACME; they are kept in the bucket." placeholder:"DOMAIN"`

	ACMEDirectory string `name:"acme-directory" help:"The ACME authority; Let's Encrypt if absent." placeholder:"URL"`

	ACMEEmail string `name:"acme-email" help:"Whom the ACME authority may write to." placeholder:"ADDRESS"`

	Part    time.Duration `help:"Length of a part." default:"250ms"`
	Segment time.Duration `help:"Least length of a segment." default:"2s"`
	Flush   time.Duration `help:"How long media gathers before it is written to the bucket." default:"500ms"`

	MaxBitrate bitrate `help:"Highest bitrate of a publisher, such as 50M or 800k; 0 for no limit." default:"50M"`
	Public     string  `help:"URL under which viewers reach this node." placeholder:"URL"`
	Pprof      string  `help:"Address for Go's profiles; keep it private." placeholder:"ADDR"`

	peopleFlags
	knowingFlags
	priceFlags
	fetchFlags

	SRT       string   `name:"srt" help:"Address for SRT (not in this version)." default:":8890"`
	WebRTC    string   `name:"webrtc" help:"Address for WebRTC (not in this version)." default:":8189"`
	Mesh      string   `help:"Address for messages of other nodes of the fleet; empty: this node stays alone." default:":6222"`
	MeshHTTP  string   `name:"mesh-http" help:"Address for media between nodes (TLS)." default:":6223"`
	Advertise string   `help:"Host that other nodes reach this one at." placeholder:"HOST"`
	Join      []string `help:"Other nodes of the fleet; those that are noted in the bucket are found by themselves." placeholder:"HOST:PORT"`
}

// peopleFlags are about who signs in and where from.
type peopleFlags struct {
	Proxies []netip.Prefix `help:"Networks of proxies that say truly where a request came from (X-Forwarded-For, X-Forwarded-Proto)." placeholder:"CIDR"`

	SMTP     string `name:"smtp" help:"Mail server for letters, such as smtp://user:password@mail.example.org:587; without one an operator makes one-time links." placeholder:"URL"`
	MailFrom string `help:"Sender of letters." placeholder:"ADDRESS"`

	OIDCIssuer       string `name:"oidc-issuer" help:"OpenID provider that people may sign in with." placeholder:"URL"`
	OIDCClientID     string `name:"oidc-client-id" help:"What the provider knows Mayfly as." placeholder:"ID"`
	OIDCClientSecret string `name:"oidc-client-secret" help:"The client's secret; better given as MAYFLY_OIDC_CLIENT_SECRET." placeholder:"SECRET"`
	OIDCName         string `name:"oidc-name" help:"What the sign-in page calls the provider." placeholder:"NAME"`
}

// fileSize is in bytes.
type fileSize int64

// UnmarshalText reads a number with MB, GB or TB behind it.
func (b *fileSize) UnmarshalText(text []byte) error {
	for unit, bytes := range map[string]int64{"MB": 1e6, "GB": 1e9, "TB": 1e12} {
		if s, ok := strings.CutSuffix(string(text), unit); ok {
			if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n <= 1e6 {
				*b = fileSize(n * bytes)
				return nil
			}
		}
	}
	return fmt.Errorf("size %q: want a number with MB, GB or TB behind it, such as 100GB", text)
}

// check says what is wrong with settings about people.
func (f *peopleFlags) check(public string) error {
	switch {
	case (f.SMTP == "") != (f.MailFrom == ""):
		return errors.New("--smtp and --mail-from belong together: give both")
	case f.SMTP != "" && public == "":
		return errors.New("--smtp: letters have links, so give --public, the URL under which people reach this server")
	case (f.OIDCIssuer == "") != (f.OIDCClientID == ""):
		return errors.New("--oidc-issuer and --oidc-client-id belong together: give both")
	}
	return nil
}

// bitrate is in bit/s.
type bitrate int

// UnmarshalText reads a number with k or M behind it.
func (b *bitrate) UnmarshalText(text []byte) error {
	s := string(text)
	unit := 1
	switch {
	case strings.HasSuffix(s, "k"):
		unit, s = 1_000, strings.TrimSuffix(s, "k")
	case strings.HasSuffix(s, "M"):
		unit, s = 1_000_000, strings.TrimSuffix(s, "M")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 10_000_000_000/unit {
		return fmt.Errorf("bitrate %q: want a number of bit/s such as 6000k or 50M", text)
	}
	*b = bitrate(n * unit)
	return nil
}

// check says what is wrong with settings that are each well-formed.
func (f *serveFlags) check() error {
	switch {
	case f.Part < 50*time.Millisecond || f.Part > time.Second:
		return fmt.Errorf("--part %v: use 50ms to 1s", f.Part)
	case f.Segment < f.Part || f.Segment > 4*time.Second:
		return fmt.Errorf("--segment %v: use %v (a part) to 4s", f.Segment, f.Part)
	case f.Flush < 50*time.Millisecond || f.Flush > 10*time.Second:
		return fmt.Errorf("--flush %v: use 50ms to 10s", f.Flush)
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together: give both")
	case f.TLSCert != "" && len(f.ACME) > 0:
		return errors.New("--tls-cert and --acme: give one of them")
	case (f.HTTPS != "" || f.RTMPS != "") && f.TLSCert == "" && len(f.ACME) == 0:
		return errors.New("--https and --rtmps need a certificate: give --tls-cert and --tls-key, or --acme")
	}
	if err := f.peopleFlags.check(f.Public); err != nil {
		return err
	}
	if f.Public != "" {
		if u, err := url.Parse(f.Public); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("--public %q: want a URL such as https://tv.example.org", f.Public)
		}
	}
	if err := f.fetchFlags.check(); err != nil {
		return err
	}
	return f.faultFlags.check()
}

// run is the whole program. It returns the exit code: 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("mayfly"), kong.Description("Live television for companies that own no server."),
		kong.DefaultEnvars("MAYFLY"), kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(stderr, "mayfly:", err)
		return 1
	}
	chosen, code := parse(parser, args, stderr)
	if chosen == nil {
		return code
	}
	log := newLog(c.LogFormat, c.LogLevel, stderr)
	switch command, _, _ := strings.Cut(chosen.Command(), " "); command {
	case "serve":
		err = serve(ctx, &c.Serve, log)
	case "check":
		err = check(ctx, &c.Check, stdout)
	case "demo":
		err = runDemo(ctx, &c.Demo, stdout)
	case "push":
		err = pushInput(ctx, &c.Push, stderr, log)
	case "version":
		fmt.Fprintln(stdout, "mayfly", version)
	default:
		err = fmt.Errorf("mayfly %s is not in this version; mayfly serve runs a node", command)
	}
	if err != nil {
		fmt.Fprintln(stderr, "mayfly:", err)
		return 1
	}
	return 0
}

// exit is how kong ends the program, for --help.
type exit int

// parse reads the command line, the environment and the file. Without a command it has said why.
func parse(parser *kong.Kong, args []string, stderr io.Writer) (chosen *kong.Context, code int) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exit)
			if !ok {
				panic(r)
			}
			chosen, code = nil, int(e)
		}
	}()
	if path := configPath(args); path != "" {
		file, err := readConfig(path, parser.Model)
		if err != nil {
			fmt.Fprintln(stderr, "mayfly:", err)
			return nil, 2
		}
		if err := kong.Resolvers(file).Apply(parser); err != nil {
			fmt.Fprintln(stderr, "mayfly:", err)
			return nil, 2
		}
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "mayfly: %v\nRun mayfly --help for what there is.\n", err)
		return nil, 2
	}
	return chosen, 0
}

// configPath finds the file's name before anything is parsed.
func configPath(args []string) string {
	for i, a := range args {
		if value, ok := strings.CutPrefix(a, "--config="); ok {
			return value
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv("MAYFLY_CONFIG")
}

// readConfig reads a TOML file. A key that no flag has is an error that names the nearest one.
func readConfig(path string, model *kong.Application) (kong.Resolver, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	values, err := parseConfig(data, flagNames(model))
	if err != nil {
		return nil, fmt.Errorf("settings %s: %w", path, err)
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil
			}
		}
		return values[flag.Name], nil
	}), nil
}

// maxConfig bounds a settings file.
const maxConfig = 1 << 20

// parseConfig reads the text of a settings file, whose keys must be among known.
func parseConfig(data []byte, known []string) (map[string]any, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", len(data), maxConfig)
	}
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return nil, fmt.Errorf("line %d, column %d: %w", row, column, err)
		}
		return nil, err
	}
	values := map[string]any{}
	for key, value := range raw {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("unknown key %.60q: did you mean %q?", key, nearest(key, known))
		}
		switch v := value.(type) {
		case string, bool:
			values[key] = fmt.Sprint(v)
		case int64, float64:
			values[key] = fmt.Sprint(v)
		case []any:
			var list []string
			for _, item := range v {
				s, ok := item.(string)
				if !ok {
					return nil, fmt.Errorf("%s: want a list of texts", key)
				}
				list = append(list, s)
			}
			values[key] = strings.Join(list, ",")
		default:
			return nil, fmt.Errorf("%s: want a text, a number or a list of texts", key)
		}
	}
	return values, nil
}

// flagNames lists the names of all flags but those that a file cannot set.
func flagNames(model *kong.Application) []string {
	var names []string
	add := func(flags []*kong.Flag) {
		for _, f := range flags {
			if f.Name != "help" && f.Name != "config" && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	add(model.Flags)
	for _, n := range model.Leaves(false) {
		add(n.Flags)
	}
	return names
}

// nearest returns the known word that takes the fewest changes of a letter.
func nearest(word string, known []string) string {
	if len(word) > 60 {
		word = word[:60]
	}
	best, least := "", 1<<30
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func newLog(format, level string, w io.Writer) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// spoolDir returns where the spool lies: for a directory bucket that has no other place, a place of
// its own for each bucket, so that two nodes on one machine do not collide.
func (f *bucketFlags) spoolDir() (string, error) {
	if f.Spool != "" {
		return f.Spool, nil
	}
	state, err := stateDir()
	if err != nil {
		return "", err
	}
	name := f.Node
	if name == "" {
		where := f.Bucket
		if !strings.HasPrefix(where, "s3://") {
			if abs, err := filepath.Abs(where); err == nil {
				where = abs
			}
		}
		name = "node-" + shortHash(where)
	}
	return filepath.Join(state, name), nil
}
