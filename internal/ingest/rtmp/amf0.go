package rtmp

import (
	"encoding/binary"
	"math"
)

// AMF0 as commands and metadata use it (Adobe, Action Message Format 0). Values are float64, bool,
// string, nil, object (also for ECMA arrays), and []any (strict arrays).

const (
	maxDepth  = 8
	maxValues = 1000 // in one message
)

// object is an AMF0 object or ECMA array. Keys that repeat: the last one counts.
type object map[string]any

type amfReader struct {
	b      []byte
	values int
}

// readAMF0 reads all values of a message.
func readAMF0(b []byte) ([]any, error) {
	r := amfReader{b: b}
	var out []any
	for len(r.b) > 0 {
		v, err := r.value(0)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *amfReader) take(n int) ([]byte, error) {
	if n > len(r.b) {
		return nil, malformed("AMF0 cut short")
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out, nil
}

func (r *amfReader) value(depth int) (any, error) {
	if r.values++; depth > maxDepth || r.values > maxValues {
		return nil, malformed("AMF0 with too many or too deeply nested values")
	}
	marker, err := r.take(1)
	if err != nil {
		return nil, err
	}
	switch marker[0] {
	case 0: // number
		b, err := r.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case 1: // boolean
		b, err := r.take(1)
		if err != nil {
			return nil, err
		}
		return b[0] != 0, nil
	case 2: // string
		return r.string(2)
	case 12, 15: // long string, XML document
		return r.string(4)
	case 3: // object
		return r.object(depth)
	case 8: // ECMA array: a count that is only a hint, then an object
		if _, err := r.take(4); err != nil {
			return nil, err
		}
		return r.object(depth)
	case 10:
		return r.array(depth)
	case 11: // date
		b, err := r.take(10)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case 5, 6, 13: // null, undefined, unsupported
		return nil, nil
	}
	return nil, malformed("AMF0 marker %d", marker[0])
}

func (r *amfReader) string(size int) (string, error) {
	b, err := r.take(size)
	if err != nil {
		return "", err
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	b, err = r.take(n)
	return string(b), err
}

func (r *amfReader) object(depth int) (object, error) {
	o := object{}
	for {
		name, err := r.string(2)
		if err != nil {
			return nil, err
		}
		if name == "" && len(r.b) > 0 && r.b[0] == 9 {
			r.b = r.b[1:]
			return o, nil
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o[name] = v
	}
}

func (r *amfReader) array(depth int) ([]any, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	var out []any
	for range binary.BigEndian.Uint32(b) {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// pair is one property of an object that is written, in order.
type pair struct {
	name  string
	value any
}

// appendAMF0 appends values: string, float64, bool, nil, []pair.
func appendAMF0(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if len(v) > math.MaxUint16 {
				v = v[:math.MaxUint16]
			}
			b = append(b, 2)
			b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
			b = append(b, v...)
		case float64:
			b = append(b, 0)
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		case bool:
			b = append(b, 1, 0)
			if v {
				b[len(b)-1] = 1
			}
		case nil:
			b = append(b, 5)
		case []pair:
			b = append(b, 3)
			for _, p := range v {
				b = binary.BigEndian.AppendUint16(b, uint16(len(p.name)))
				b = append(b, p.name...)
				b = appendAMF0(b, p.value)
			}
			b = append(b, 0, 0, 9)
		}
	}
	return b
}
