package mergepatch

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Diff returns the patch that makes the JSON of before that of after, two values of one
// struct type. Fields have json tags; structs and maps with text keys are patched inside,
// everything else is replaced whole. Only what differs is encoded.
func Diff(before, after any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := object(&b, reflect.ValueOf(before), reflect.ValueOf(after))
	return b.Bytes(), err
}

// object appends the patch of a struct or a map.
func object(b *bytes.Buffer, before, after reflect.Value) error {
	if after.Kind() == reflect.Map {
		return mapping(b, before, after)
	}
	b.WriteByte('{')
	first := true
	for i := range after.NumField() {
		f := after.Type().Field(i)
		was, is := before.Field(i), after.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || reflect.DeepEqual(was.Interface(), is.Interface()) {
			continue
		}
		member(b, &first, name)
		omit := strings.Contains(options, "omitzero")
		if err := value(b, was, is, omit && zero(was), omit && zero(is)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.WriteByte('}')
	return nil
}

// mapping appends the patch of a map, by key.
func mapping(b *bytes.Buffer, before, after reflect.Value) error {
	b.WriteByte('{')
	first := true
	keys := make(map[string]reflect.Value, before.Len()+after.Len())
	for _, m := range []reflect.Value{before, after} {
		for _, k := range m.MapKeys() {
			keys[k.String()] = k
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		was, is := before.MapIndex(keys[name]), after.MapIndex(keys[name])
		if was.IsValid() && is.IsValid() && reflect.DeepEqual(was.Interface(), is.Interface()) {
			continue
		}
		member(b, &first, name)
		if err := value(b, was, is, !was.IsValid(), !is.IsValid()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.WriteByte('}')
	return nil
}

// value appends the patch of one member, which may be absent on either side.
func value(b *bytes.Buffer, was, is reflect.Value, wasAbsent, isAbsent bool) error {
	if isAbsent {
		b.WriteString("null")
		return nil
	}
	if !wasAbsent && is.Kind() == reflect.Pointer && !was.IsNil() && !is.IsNil() {
		was, is = was.Elem(), is.Elem()
	}
	if !wasAbsent && isObject(is.Type()) {
		return object(b, was, is)
	}
	data, err := json.Marshal(is.Interface())
	b.Write(data)
	return err
}

// member appends a comma, where one is due, and the key.
func member(b *bytes.Buffer, first *bool, name string) {
	if !*first {
		b.WriteByte(',')
	}
	*first = false
	key, _ := json.Marshal(name) //nolint:errchkjson // a text always has a form
	b.Write(key)
	b.WriteByte(':')
}

// isObject reports whether encoding/json writes t member by member.
func isObject(t reflect.Type) bool {
	if t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return false
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
}

// zero is what omitzero leaves out.
func zero(v reflect.Value) bool {
	if z, ok := reflect.TypeAssert[interface{ IsZero() bool }](v); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// Decode reads one JSON object, its numbers as they are written.
func Decode(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the object")
	}
	if doc == nil {
		return nil, errors.New("not an object")
	}
	return doc, nil
}

// Merge applies a patch to a document, both as Decode gives them, and changes the
// document. The patch must not be used afterwards.
func Merge(doc, patch map[string]any) {
	for key, v := range patch {
		if v == nil {
			delete(doc, key)
			continue
		}
		inner, ok := v.(map[string]any)
		if !ok {
			doc[key] = v
			continue
		}
		old, ok := doc[key].(map[string]any)
		if !ok {
			old = make(map[string]any, len(inner))
			doc[key] = old
		}
		Merge(old, inner)
	}
}
