package rtmp

import (
	"cmp"
	"encoding/binary"
	"math"
	"strings"
)

const (
	windowSize   = 2_500_000 // bytes after which we acknowledge, unless the sender sets its own
	minWindow    = 16 << 10  // a smaller window of the sender's would only make us talk
	outChunkSize = 4096
	maxKey       = 256

	chunkControl = 2 // chunk stream ids of what we send (RTMP 5.4 for the first)
	chunkCommand = 3
	chunkStatus  = 5

	mediaStream = 1 // the one message stream that createStream gives
)

// eventKind is what a command means for the connection.
type eventKind uint8

const (
	eventNone eventKind = iota
	eventPublish
	eventUnpublish
)

// session answers commands (RTMP 7). It is a state machine: replies are gathered in out, for the
// connection to send.
type session struct {
	out       []byte
	chunkSize int // of what we send

	connected bool
	app       string
	encoder   string
	// publishStream is the message stream on which the encoder asked to publish, and where it
	// looks for the status.
	publishStream uint32
	reconnects    bool // the encoder knows what a reconnect request is
}

func newSession() *session { return &session{chunkSize: firstChunkSize} }

// command handles an AMF0 command message. With eventPublish the stream key is given too.
func (s *session) command(m message) (eventKind, string, error) {
	values, err := decodeAMF(m.body)
	if err != nil {
		return eventNone, "", malformed("%v", err)
	}
	if len(values) < 2 || values[0].text() == "" || values[1].kind != amfNumber {
		return eventNone, "", malformed("a command without name and number")
	}
	name, number := values[0].text(), values[1].num
	arg := func(i int) amfValue {
		if 2+i < len(values) {
			return values[2+i]
		}
		return amfValue{kind: amfUndefined}
	}
	if name == "connect" {
		s.connect(number, arg(0))
		return eventNone, "", nil
	}
	if !s.connected {
		return eventNone, "", malformed("command %.40q before connect", name)
	}
	switch name {
	case "createStream":
		s.result(number, appendAMFNumber([]byte{amfNull}, mediaStream))
	case "FCPublish":
		s.result(number, []byte{amfNull, amfUndefined})
		s.notify("onFCPublish", "NetStream.Publish.Start")
	case "publish":
		s.publishStream = m.stream
		key, err := streamKey(s.app, arg(1).text())
		return eventPublish, key, err
	case "FCUnpublish", "closeStream", "deleteStream":
		if name == "FCUnpublish" {
			s.notify("onFCUnpublish", "NetStream.Unpublish.Success")
		}
		return eventUnpublish, "", nil
	case "play", "play2":
		s.publishStream = m.stream
		return eventNone, "", errPlay
	default: // releaseStream, _checkbw, getStreamLength and what else encoders ask for politeness
		if number != 0 && !strings.HasPrefix(name, "_result") && !strings.HasPrefix(name, "_error") {
			s.result(number, []byte{amfNull, amfUndefined})
		}
	}
	return eventNone, "", nil
}

// connect answers the connect command (RTMP 7.2.1.1). A wrong application is refused only at publish,
// because what encoders show a person is the status of that.
func (s *session) connect(number float64, args amfValue) {
	s.connected = true
	s.app = args.get("app").text()
	s.encoder = printable(args.get("flashVer").text())

	s.control(typeWindowAckSize, binary.BigEndian.AppendUint32(nil, windowSize))
	s.control(typePeerBandwidth, append(binary.BigEndian.AppendUint32(nil, windowSize), 2)) // 2: dynamic
	s.control(typeSetChunkSize, binary.BigEndian.AppendUint32(nil, outChunkSize))
	s.chunkSize = outChunkSize

	info := []any{
		"level", "status",
		"code", "NetConnection.Connect.Success",
		"description", "Connection succeeded.",
		"objectEncoding", 0,
	}
	s.reconnects = uint32(args.get("capsEx").num)&capsReconnect != 0
	// Enhanced RTMP: say what is understood to those who ask. 4: can be forwarded as it is.
	if args.get("fourCcList").isSet() || args.get("videoFourCcInfoMap").isSet() || args.get("capsEx").isSet() {
		info = append(info, "capsEx", capsReconnect,
			"videoFourCcInfoMap", []any{"avc1", 4},
			"audioFourCcInfoMap", []any{"mp4a", 4})
	}
	body := appendAMFObject(nil, "fmsVer", "FMS/3,0,1,123", "capabilities", 31)
	s.result(number, appendAMFObject(body, info...))
}

// streamKey joins the application and the stream name to live/{stream key}. People put the key
// into the server's address, or leave a slash behind; queries are not used.
func streamKey(app, name string) (string, error) {
	app, _, _ = strings.Cut(app, "?")
	name, _, _ = strings.Cut(name, "?")
	place, key, _ := strings.Cut(strings.Trim(strings.Trim(app, "/")+"/"+name, "/ "), "/")
	if place != "live" {
		return "", wrongApp(place)
	}
	key = strings.Trim(key, "/ ")
	if key == "" || len(key) > maxKey {
		return "", ErrUnknownKey
	}
	return key, nil
}

// published tells the encoder that it is on.
func (s *session) published() {
	begin := binary.BigEndian.AppendUint32([]byte{0, 0}, s.publishStream) // user control: StreamBegin
	s.control(typeUserControl, begin)
	s.status("status", "NetStream.Publish.Start", "Publishing.")
}

func (s *session) unpublished() {
	s.status("status", "NetStream.Unpublish.Success", "Stopped publishing.")
}

// capsReconnect is the bit of capsEx that stands for reconnect requests (Enhanced RTMP v2).
const capsReconnect = 1

// reconnectRequest asks the encoder to connect again, to the same address: another node answers there.
func (s *session) reconnectRequest() {
	body := append(appendAMFNumber(appendAMFString(nil, "onStatus"), 0), amfNull)
	body = appendAMFObject(body, "level", "status", "code", "NetConnection.Connect.ReconnectRequest", "description", Leaving.Text)
	s.send(chunkCommand, typeCommandAMF0, 0, body)
}

// refused tells the encoder why it is turned away.
func (s *session) refused(r *Refusal) { s.status("error", cmp.Or(r.Code, codeRejected), r.Text) }

// status sends onStatus (RTMP 7.2.2).
func (s *session) status(level, code, description string) {
	body := append(appendAMFNumber(appendAMFString(nil, "onStatus"), 0), amfNull)
	body = appendAMFObject(body, "level", level, "code", code, "description", description)
	s.send(chunkStatus, typeCommandAMF0, s.publishStream, body)
}

func (s *session) notify(name, code string) {
	body := append(appendAMFNumber(appendAMFString(nil, name), 0), amfNull)
	body = appendAMFObject(body, "code", code, "description", code)
	s.send(chunkCommand, typeCommandAMF0, 0, body)
}

func (s *session) result(number float64, values []byte) {
	body := appendAMFNumber(appendAMFString(nil, "_result"), number)
	s.send(chunkCommand, typeCommandAMF0, 0, append(body, values...))
}

func (s *session) control(kind byte, body []byte) { s.send(chunkControl, kind, 0, body) }

// acknowledge says how many bytes have arrived (RTMP 5.4.3); the number wraps.
func (s *session) acknowledge(received uint64) {
	s.control(typeAck, binary.BigEndian.AppendUint32(nil, uint32(received&math.MaxUint32)))
}

// pong answers a ping request (user control 6) with its timestamp.
func (s *session) pong(stamp []byte) { s.control(typeUserControl, append([]byte{0, 7}, stamp...)) }

// send appends a message in chunks, without timestamps.
func (s *session) send(chunkStream, kind byte, stream uint32, body []byte) {
	s.out = append(s.out, chunkStream, 0, 0, 0, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)), kind)
	s.out = binary.LittleEndian.AppendUint32(s.out, stream)
	for len(body) > s.chunkSize {
		s.out = append(append(s.out, body[:s.chunkSize]...), 0xc0|chunkStream)
		body = body[s.chunkSize:]
	}
	s.out = append(s.out, body...)
}

// printable makes an encoder's name for itself fit for a log line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 80)]
}
