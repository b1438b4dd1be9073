package bucket

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
)

// A fleet is upgraded node by node, so a document may have fields that this version does not know. They are
// kept when it is changed: what a newer version wrote is not lost because an older one swapped the document.
// Elements of a list are known again by the first field of their struct, which is their name wherever lists of
// structs are stored; what is removed takes its fields along. An object with another id is another object: a
// channel that takes the address of a deleted one inherits nothing.

// decode reads a document's value, and reports whether it has fields that v does not know.
func decode(value json.RawMessage, v any) (foreign bool, err error) {
	strict := json.NewDecoder(bytes.NewReader(value))
	strict.DisallowUnknownFields()
	if strict.Decode(v) == nil {
		return false, nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	return true, json.Unmarshal(value, v)
}

// keepForeign returns now with the fields of old added that t does not know.
func keepForeign(old, now json.RawMessage, t reflect.Type) (json.RawMessage, error) {
	before, err := tree(old)
	if err != nil {
		return nil, err
	}
	after, err := tree(now)
	if err != nil {
		return nil, err
	}
	return json.Marshal(keep(before, after, t))
}

// tree reads JSON without losing digits of its numbers.
func tree(value json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

var (
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// keep adds to now what old has and t does not know. What has a JSON form of its own is left as it is.
func keep(old, now any, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); p.Implements(jsonReader) || p.Implements(textReader) {
		return now
	}
	switch t.Kind() {
	case reflect.Struct:
		return keepFields(old, now, t)
	case reflect.Map:
		before, ok := old.(map[string]any)
		after, also := now.(map[string]any)
		for key := range after {
			if was, there := before[key]; ok && also && there {
				after[key] = keep(was, after[key], t.Elem())
			}
		}
	case reflect.Slice, reflect.Array:
		keepElements(old, now, t.Elem())
	}
	return now
}

func keepFields(old, now any, t reflect.Type) any {
	before, ok := old.(map[string]any)
	after, also := now.(map[string]any)
	if !ok || !also {
		return now
	}
	if id, named := before["id"].(string); named && after["id"] != id {
		return now
	}
	known := map[string]reflect.Type{}
	fields(t, known)
	for key, was := range before {
		field, ours := known[strings.ToLower(key)]
		if !ours {
			after[key] = was
		} else if is, there := after[key]; there {
			after[key] = keep(was, is, field)
		}
	}
	return after
}

func keepElements(old, now any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	before, ok := old.([]any)
	after, also := now.([]any)
	if !ok || !also || t.Kind() != reflect.Struct || t.NumField() == 0 {
		return
	}
	name, _ := nameOf(t.Field(0))
	for i := range after {
		is, _ := after[i].(map[string]any)
		for _, b := range before {
			if was, _ := b.(map[string]any); is != nil && was != nil && was[name] != nil && reflect.DeepEqual(was[name], is[name]) {
				after[i] = keep(was, is, t)
				break
			}
		}
	}
}

// fields notes the JSON names of a struct's fields, in small letters as they are compared, and their types.
func fields(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, tagged := nameOf(f)
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case name == "-":
		case f.Anonymous && !tagged && inner.Kind() == reflect.Struct:
			fields(inner, into)
		case f.IsExported():
			into[strings.ToLower(name)] = f.Type
		}
	}
}

// nameOf returns the JSON name of a field, and whether it was given one.
func nameOf(f reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name, false
	}
	return name, true
}
