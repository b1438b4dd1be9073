package e2e

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// requestLog is the S3 server's own log of requests: it outlives every node, unlike what nodes count themselves.
type requestLog struct {
	path string
	read int64
}

// since counts the requests that the server answered since it was asked last, by what was asked for, the
// first part of the key, and the answer.
func (l *requestLog) since() (map[string]int, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(l.read, io.SeekStart); err != nil {
		return nil, err
	}
	count := map[string]int{}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return count, nil // a line that is half written counts next time
		}
		if err != nil {
			return nil, err
		}
		l.read += int64(len(line))
		if kind, of, status := request(line); kind != "" {
			count[kind]++
			count[kind+" "+of+" "+status]++
		}
	}
}

// request reads a line of the log: kind is PUT, GET, HEAD, LIST or DELETE, of is channels, media and so on.
func request(line string) (kind, of, status string) {
	const operation, key, address, answer = 7, 8, 9, 10
	fields := strings.Fields(line)
	if len(fields) <= answer {
		return "", "", ""
	}
	name, ok := strings.CutPrefix(fields[operation], "s3_")
	if !ok {
		return "", "", ""
	}
	for _, kind = range []string{"PUT", "GET", "HEAD", "LIST", "DELETE", name} {
		if strings.HasPrefix(strings.ToUpper(name), kind) {
			break
		}
	}
	where := fields[key]
	if _, prefix, ok := strings.Cut(fields[address], "prefix="); ok && where == "-" {
		where, _, _ = strings.Cut(strings.ReplaceAll(prefix, "%2F", "/"), "&")
	}
	of, _, _ = strings.Cut(strings.TrimPrefix(where, "tv/"), "/")
	return kind, of, fields[answer]
}

// stretch is a time for which it is measured what the fleet does.
type stretch struct {
	name     string
	from, to time.Time
	requests map[string]int
	nodes    time.Duration // CPU time of all nodes
	others   time.Duration // of the publishers and viewers
	memory   []float64     // MB of single nodes, sampled
}

// measure lets some time pass, does something now and then, and says what all of it cost.
func (s *swarm) measure(name string, d time.Duration, now func()) *stretch {
	s.t.Helper()
	count := func() map[string]int {
		requests, err := s.requests.since()
		if err != nil {
			s.t.Error(err)
		}
		return requests
	}
	count()
	x := &stretch{name: name, from: time.Now(), nodes: -s.cpu(), others: -ownTime()}
	next, look := x.from.Add(s.scale.every/2), x.from
	for time.Since(x.from) < d {
		if time.Now().After(next) {
			next = next.Add(s.scale.every)
			now()
		}
		if time.Now().After(look) {
			look = look.Add(2 * time.Second)
			x.memory = append(x.memory, s.memory()...)
		}
		s.restart()
		after(50 * time.Millisecond)
	}
	x.to, x.requests = time.Now(), count()
	x.nodes += s.cpu()
	x.others += ownTime()
	return x
}

// cpu returns the CPU time of all nodes, those that died too.
func (s *swarm) cpu() (sum time.Duration) {
	for _, n := range s.nodes {
		for _, p := range append(slices.Clone(n.before), n.process) {
			select {
			case <-p.done:
				sum += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
			default:
				fields := procStat(p.cmd.Process.Pid)
				sum += time.Duration(fields[11]+fields[12]) * (time.Second / 100)
			}
		}
	}
	return sum
}

// procStat returns the numbers behind a process's name and state in /proc/PID/stat; 0 if it is gone.
func procStat(pid int) (fields [22]int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fields
	}
	behind := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	for i := 1; i < min(len(behind), len(fields)); i++ {
		fields[i], _ = strconv.ParseInt(behind[i], 10, 64) // what is no number is not asked for
	}
	return fields
}

// memory returns the resident memory of each node that runs, in MB.
func (s *swarm) memory() (list []float64) {
	for _, n := range s.nodes {
		if !n.dead() {
			list = append(list, float64(procStat(n.process.cmd.Process.Pid)[21])*float64(os.Getpagesize())/1e6)
		}
	}
	return list
}

// ownTime returns the CPU time of this process.
func ownTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// gaps returns for each death how long after it every channel of the dead node had something new acknowledged, and
// the same for each of these channels, in seconds.
func (s *swarm) gaps() (all, each []float64) {
	for _, d := range s.deaths {
		worst := 0.0
		for _, p := range s.pushers {
			acks := p.taken()
			next := slices.IndexFunc(acks, func(a ack) bool { return a.at.After(d.at) })
			if next == 0 || next > 0 && acks[next-1].node != d.node || next < 0 && acks[len(acks)-1].node != d.node {
				continue
			}
			gap := time.Since(d.at).Seconds()
			if next > 0 {
				gap = acks[next].at.Sub(d.at).Seconds()
			}
			each, worst = append(each, gap), max(worst, gap)
		}
		if worst > 0 {
			all = append(all, worst)
		}
	}
	return all, each
}

// The place of the swarm's table in docs/volatility.md.
const (
	swarmBegin = "<!-- the swarm: make swarm writes it -->\n"
	swarmEnd   = "<!-- end of the swarm -->\n"
)

// report prints the table, and writes it into the file that MAYFLY_SWARM_TABLE names.
func (s *swarm) report(calm, storm *stretch, kept *tally, whole time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes, %d channels of %d pictures a second in pieces of %d s, %d viewers, on %d cores; %s:\n\n",
		s.scale.nodes, s.scale.channels, reelRate, s.scale.piece, s.scale.viewers, runtime.NumCPU(), s.command())
	fmt.Fprintf(&b, "| figure | %s | %s |\n|---|---:|---:|\n", calm.name, storm.name)
	row := func(name string, f func(x *stretch) string) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, f(calm), f(storm))
	}
	row("measured for", func(x *stretch) string { return x.to.Sub(x.from).Round(time.Second).String() })
	for _, kind := range []string{"PUT", "GET", "HEAD", "LIST", "DELETE"} {
		row(kind+" requests to the bucket per channel-hour", func(x *stretch) string {
			return fmt.Sprintf("%.1f", float64(x.requests[kind])/(float64(s.scale.channels)*x.to.Sub(x.from).Hours()))
		})
	}
	row("CPU of all nodes", func(x *stretch) string {
		return fmt.Sprintf("%.2f cores", x.nodes.Seconds()/x.to.Sub(x.from).Seconds())
	})
	row("CPU of publishers and viewers", func(x *stretch) string {
		return fmt.Sprintf("%.2f cores", x.others.Seconds()/x.to.Sub(x.from).Seconds())
	})
	row("memory of a node, median and worst", func(x *stretch) string {
		median, worst := spread(x.memory)
		return fmt.Sprintf("%.0f MB, %.0f MB", median, worst)
	})
	all, each := s.gaps()
	one := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | | %s |\n", name, fmt.Sprintf(format, args...))
	}
	one("deaths", "%d", len(s.deaths))
	if len(each) > 0 {
		median, worst := spread(all)
		one("until every channel of the dead node went on, median and worst", "%.1f s, %.1f s", median, worst)
		median, worst = spread(each)
		one("until a channel of the dead node went on, median and worst", "%.1f s, %.1f s", median, worst)
	}
	one("until all nodes saw each other again", "%.1f s", whole.Seconds())
	took, again := s.acknowledgements()
	median, worst := spread(took)
	one("until a piece was acknowledged, median and worst", "%.1f s, %.1f s", median, worst)
	one("times that a piece was sent again", "%d", again)
	compared, against := s.ledger.verdict()
	one("takes", "%d", kept.takes)
	one("pieces acknowledged, in all", "%d", kept.acknowledged)
	one("of these lost", "%d", kept.lost)
	one("of these twice, at a seam", "%d", kept.twice)
	one("pictures that viewers were shown and that are gone", "%d", kept.shown)
	one("playlists compared line by line between nodes, in all", "%d", compared)
	one("contradictions", "%d", len(against))
	one("numbers that went back, media that was listed and missing, malformed playlists, nodes that ended", "%d", len(s.faults)+len(kept.wrong)-kept.lost)
	s.t.Logf("\n%s", b.String())
	s.details(calm, storm)
	if path := os.Getenv("MAYFLY_SWARM_TABLE"); path != "" {
		return writeBetween(path, swarmBegin, swarmEnd, b.String())
	}
	return nil
}

// command says how the table was made.
func (s *swarm) command() string {
	if set := os.Getenv("MAYFLY_SWARM"); set != "" {
		return "`make swarm SWARM=\"" + set + "\"`"
	}
	return "as `make test` does it"
}

// acknowledgements returns how long pieces took that were acknowledged, of which the newest wait for the next one to
// come, in seconds, and how often one was sent again.
func (s *swarm) acknowledgements() (took []float64, again int) {
	for _, p := range s.pushers {
		for _, a := range p.taken() {
			took = append(took, a.sent.Seconds())
		}
		again += p.retries
	}
	return took, again
}

// details prints what the requests were for.
func (s *swarm) details(list ...*stretch) {
	for _, x := range list {
		for _, kind := range slices.Sorted(maps.Keys(x.requests)) {
			s.t.Logf("%s: %s: %d requests, %.1f per channel-hour", x.name, kind, x.requests[kind], float64(x.requests[kind])/(float64(s.scale.channels)*x.to.Sub(x.from).Hours()))
		}
	}
}
