package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseSpecs reads a JSON object of specs by name, as Registry.Apply takes them. An error is an ErrSpec that joins a *Problem for each thing
// that is wrong in any of them: malformed JSON, unknown and repeated keys, null, values of the wrong type or out of range. Of a section with
// a value that is missing or cannot be read, what is out of range is said once it is there.
func ParseSpecs(r io.Reader) (map[string]Spec, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("guard: parse specs: %w", err)
	}
	var p problems
	specs := make(map[string]Spec)
	members(&p, "", data, func(name, path string, value json.RawMessage) {
		var s Spec
		keys(&s).read(&p, path, value)
		specs[name] = s
	})
	check(&p, specs)
	if err := p.err(); err != nil {
		return nil, err
	}
	return specs, nil
}

// UnmarshalJSON reads a spec as ParseSpecs does, and like any it fails with an ErrSpec and changes nothing.
func (s *Spec) UnmarshalJSON(data []byte) error {
	var (
		p    problems
		read Spec
	)
	keys(&read).read(&p, "", data)
	read.build(&p, "")
	if err := p.err(); err != nil {
		return err
	}
	*s = read
	return nil
}

// MarshalJSON writes the spec so that ParseSpecs reads it back: keys in a fixed order, and none that stands for a default.
func (s Spec) MarshalJSON() ([]byte, error) { return keys(&s).write() }

// table is the keys of a JSON object, in the order in which they are written.
type table struct {
	fields []field
	needs  []string // keys that must be there
}

// field is a key: where its value is kept, and how that is read and written.
type field struct {
	key   string
	read  func(p *problems, path string, raw json.RawMessage)
	write func() (value any, unset bool)
}

// marshal is a value that a function writes.
type marshal func() ([]byte, error)

func (m marshal) MarshalJSON() ([]byte, error) { return m() }

// read reads an object.
func (t table) read(p *problems, path string, raw json.RawMessage) {
	members(p, path, raw, func(key, path string, value json.RawMessage) {
		i := slices.IndexFunc(t.fields, func(f field) bool { return f.key == key })
		if i < 0 {
			p.add(path, "unknown key: want %s", t.names())
			return
		}
		t.fields[i].read(p, path, value)
	})
}

// names lists the keys.
func (t table) names() string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.key
	}
	return oneOf(names)
}

// write writes an object.
func (t table) write() ([]byte, error) {
	b := []byte{'{'}
	for _, f := range t.fields {
		value, unset := f.write()
		if unset && !slices.Contains(t.needs, f.key) {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("guard: marshal spec: %s: %w", f.key, err)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, f.key), ':')
		b = append(b, raw...)
	}
	return append(b, '}'), nil
}

// members calls each with the members of an object, in their order and with their paths. What is no object, and a member that is null or
// there twice, is a problem.
func members(p *problems, path string, raw json.RawMessage, each func(key, path string, value json.RawMessage)) {
	if !valid(p, path, raw) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if start, _ := d.Token(); start != json.Delim('{') {
		p.spoil(path, "%s: want an object", shown(raw))
		return
	}
	seen := make(map[string]bool)
	for d.More() {
		key, value, err := member(d)
		if err != nil {
			p.spoil(path, "%w", err)
			return
		}
		switch at := under(path, key); {
		case seen[key]:
			p.add(at, "repeated key")
		case string(value) == "null":
			p.spoil(at, "null: want a value, or no key")
		default:
			each(key, at, value)
		}
		seen[key] = true
	}
}

// valid reports whether raw is JSON.
func valid(p *problems, path string, raw json.RawMessage) bool {
	var whole json.RawMessage
	err := json.Unmarshal(raw, &whole)
	if err == nil && !utf8.Valid(raw) {
		err = errors.New("text is not UTF-8")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		err = fmt.Errorf("byte %d: %w", syntax.Offset, err)
	}
	if err != nil {
		p.spoil(path, "%w", err)
	}
	return err == nil
}

// member reads a member of an object.
func member(d *json.Decoder) (key string, value json.RawMessage, err error) {
	name, err := d.Token()
	if err != nil {
		return "", nil, err
	}
	if err := d.Decode(&value); err != nil {
		return "", nil, err
	}
	key, _ = name.(string)
	return key, value, nil
}

// under returns the path of a key below a path.
func under(path, key string) string {
	if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// shown is a value as a problem shows it.
func shown(raw []byte) string {
	const most = 60
	line := strings.Join(strings.Fields(string(raw)), " ")
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "..."
}

// oneOf lists what there is to choose from.
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// section is an object, which is there or not.
func section[T any, P interface {
	*T
	keys() table
}](key string, v **T) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		*v = new(T)
		found := len(p.list)
		P(*v).keys().read(p, path, raw)
		if len(p.list) == found {
			missing(p, path, raw, P(*v).keys().needs)
		}
	}, func() (any, bool) {
		return marshal(func() ([]byte, error) { return P(*v).keys().write() }), *v == nil
	}}
}

// missing reports the keys that an object lacks. Which it needs may depend on what it has.
func missing(p *problems, path string, raw json.RawMessage, needs []string) {
	there := make(map[string]json.RawMessage)
	_ = json.Unmarshal(raw, &there) // it has been read
	for _, key := range needs {
		if _, ok := there[key]; !ok {
			p.spoil(under(path, key), "missing")
		}
	}
}

// scalar is a value that package json knows.
func scalar[T comparable](key string, v *T, want string) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		var read T
		if err := json.Unmarshal(raw, &read); err != nil {
			p.spoil(path, "%s: want %s", shown(raw), want)
			return
		}
		*v = read
	}, func() (any, bool) {
		var unset T
		return *v, *v == unset
	}}
}

func number[T int | float64](key string, v *T) field {
	if _, whole := any(*v).(int); whole {
		return scalar(key, v, "an integer")
	}
	return scalar(key, v, "a number")
}

func text(key string, v *string) field { return scalar(key, v, "a string") }

func truth(key string, v *bool) field { return scalar(key, v, "true or false") }

// duration is a time.Duration as text.
func duration(key string, v *time.Duration) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		var read string
		err := json.Unmarshal(raw, &read)
		if err == nil {
			*v, err = time.ParseDuration(read)
		}
		if err != nil {
			p.spoil(path, `%s: want a duration such as "250ms"`, shown(raw))
		}
	}, func() (any, bool) { return v.String(), *v == 0 }}
}

// choice is the name of a constant, of which names has all in their order.
func choice[T ~uint8](key string, v *T, names ...string) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		var read string
		_ = json.Unmarshal(raw, &read) // what is no string is no name
		i := slices.Index(names, read)
		if i < 0 {
			p.spoil(path, "%s: want %s", shown(raw), oneOf(names))
			return
		}
		*v = T(i)
	}, func() (any, bool) {
		return marshal(func() ([]byte, error) {
			if int(*v) >= len(names) {
				return nil, fmt.Errorf("%d: want %s", *v, oneOf(names))
			}
			return json.Marshal(names[*v])
		}), *v == 0
	}}
}

// texts is a list of strings, which has one at least.
func texts(key string, v *[]string) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		var read []string
		if err := json.Unmarshal(raw, &read); err != nil || len(read) == 0 {
			p.spoil(path, "%s: want a list of at least one string", shown(raw))
			return
		}
		*v = read
	}, func() (any, bool) { return *v, len(*v) == 0 }}
}

// numbers is an object of integers, which has one at least.
func numbers(key string, v *map[string]int) field {
	return field{key, func(p *problems, path string, raw json.RawMessage) {
		read := make(map[string]int)
		members(p, path, raw, func(name, path string, value json.RawMessage) {
			n := 0
			number(name, &n).read(p, path, value)
			read[name] = n
		})
		if len(read) == 0 && !p.unread(path) {
			p.spoil(path, "%s: want at least one", shown(raw))
		}
		*v = read
	}, func() (any, bool) { return maps.Clone(*v), len(*v) == 0 }}
}
