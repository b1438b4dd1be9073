package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// AMF0 type markers.
const (
	amfNumber      = 0x00
	amfBoolean     = 0x01
	amfString      = 0x02
	amfObject      = 0x03
	amfNull        = 0x05
	amfUndefined   = 0x06
	amfECMAArray   = 0x08
	amfObjectEnd   = 0x09
	amfStrictArray = 0x0a
	amfDate        = 0x0b
	amfLongString  = 0x0c
	amfUnsupported = 0x0d
	amfXML         = 0x0f
	amfTypedObject = 0x10
)

// Bounds of what one message may hold, so that a small message cannot make a large or deep tree.
const (
	maxAMFDepth  = 8
	maxAMFValues = 1024
)

// amfValue is one decoded AMF0 value.
type amfValue struct {
	kind  byte
	num   float64 // number, date (ms since 1970), boolean (0 or 1)
	str   string  // string, long string, XML
	props []amfProp
}

// amfProp is a property of an object; in a strict array the name is empty.
type amfProp struct {
	name  string
	value amfValue
}

// get returns the property of that name, or an undefined value.
func (v amfValue) get(name string) amfValue {
	for i := range v.props {
		if v.props[i].name == name {
			return v.props[i].value
		}
	}
	return amfValue{kind: amfUndefined}
}

// text returns a string's text, and "" for anything else.
func (v amfValue) text() string {
	if v.kind == amfString || v.kind == amfLongString {
		return v.str
	}
	return ""
}

func (v amfValue) isSet() bool {
	return v.kind != amfUndefined && v.kind != amfNull && v.kind != amfUnsupported
}

var errAMFShort = errors.New("AMF0: value cut short")

// amfDecoder reads the values of one message.
type amfDecoder struct {
	b      []byte
	values int
}

// decodeAMF reads all values of a message.
func decodeAMF(b []byte) ([]amfValue, error) {
	d := amfDecoder{b: b}
	var all []amfValue
	for len(d.b) > 0 {
		v, err := d.value(0)
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (d *amfDecoder) take(n int) ([]byte, error) {
	if n > len(d.b) {
		return nil, errAMFShort
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p, nil
}

func (d *amfDecoder) u16() (int, error) {
	p, err := d.take(2)
	if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint16(p)), nil
}

func (d *amfDecoder) u32() (int, error) {
	p, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint32(p)), nil
}

func (d *amfDecoder) number() (float64, error) {
	p, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(p)), nil
}

// shortString reads a string with a length of 16 bits.
func (d *amfDecoder) shortString() (string, error) {
	n, err := d.u16()
	if err != nil {
		return "", err
	}
	p, err := d.take(n)
	return string(p), err
}

func (d *amfDecoder) longString() (string, error) {
	n, err := d.u32()
	if err != nil {
		return "", err
	}
	p, err := d.take(n)
	return string(p), err
}

// value reads one value with its marker.
func (d *amfDecoder) value(depth int) (v amfValue, err error) {
	if depth > maxAMFDepth {
		return v, fmt.Errorf("AMF0: nested deeper than %d", maxAMFDepth)
	}
	if d.values++; d.values > maxAMFValues {
		return v, fmt.Errorf("AMF0: more than %d values", maxAMFValues)
	}
	marker, err := d.take(1)
	if err != nil {
		return v, err
	}
	v.kind = marker[0]
	switch v.kind {
	case amfNumber:
		v.num, err = d.number()
	case amfBoolean:
		var p []byte
		if p, err = d.take(1); err == nil && p[0] != 0 {
			v.num = 1
		}
	case amfString:
		v.str, err = d.shortString()
	case amfLongString, amfXML:
		v.str, err = d.longString()
	case amfNull, amfUndefined, amfUnsupported:
	case amfDate:
		if v.num, err = d.number(); err == nil {
			_, err = d.take(2) // time zone, reserved
		}
	default:
		err = d.compound(&v, depth)
	}
	return v, err
}

// compound reads the values that hold others.
func (d *amfDecoder) compound(v *amfValue, depth int) (err error) {
	switch v.kind {
	case amfObject:
	case amfTypedObject:
		_, err = d.shortString() // class name
	case amfECMAArray:
		_, err = d.take(4) // a hint of the count; the end marker decides
	case amfStrictArray:
		return d.strictArray(v, depth)
	default:
		return fmt.Errorf("AMF0: unknown type marker 0x%02x", v.kind)
	}
	for err == nil {
		var p amfProp
		if p.name, err = d.shortString(); err != nil {
			break
		}
		if p.name == "" && len(d.b) > 0 && d.b[0] == amfObjectEnd {
			d.b = d.b[1:]
			return nil
		}
		if p.value, err = d.value(depth + 1); err == nil {
			v.props = append(v.props, p)
		}
	}
	return err
}

func (d *amfDecoder) strictArray(v *amfValue, depth int) error {
	n, err := d.u32()
	if err != nil {
		return err
	}
	for range n { // ends early: each value takes a byte and counts
		e, err := d.value(depth + 1)
		if err != nil {
			return err
		}
		v.props = append(v.props, amfProp{value: e})
	}
	return nil
}

// Writing: each function appends one value.

func appendAMFNumber(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, amfNumber), math.Float64bits(f))
}

func appendAMFString(b []byte, s string) []byte {
	return appendAMFName(append(b, amfString), s)
}

// appendAMFName appends a string without a marker, as property names are written.
func appendAMFName(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// appendAMFObject appends an object of strings, numbers and objects, given as name, value, name, value.
func appendAMFObject(b []byte, pairs ...any) []byte {
	b = append(b, amfObject)
	for i := 0; i+1 < len(pairs); i += 2 {
		b = appendAMFName(b, pairs[i].(string))
		switch v := pairs[i+1].(type) {
		case string:
			b = appendAMFString(b, v)
		case int:
			b = appendAMFNumber(b, float64(v))
		case []any:
			b = appendAMFObject(b, v...)
		}
	}
	return append(b, 0, 0, amfObjectEnd)
}
