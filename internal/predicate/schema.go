package predicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Field is something that conditions may ask about. Its number is its index
// in the list given to [NewSchema].
type Field struct {
	Name string
	Kind Kind
	// Prefix makes Name, such as "attributes.", the family of all fields whose
	// names begin with it. A member becomes a field of its own, numbered after
	// those there are, when a condition first names it; [Schema.Member] finds it.
	Prefix bool
}

// An Extern is a form of condition that its owner decodes and evaluates.
type Extern struct {
	// Key is the key of its JSON object: {"<Key>": ...}.
	Key string
	// Compile decodes the value under the key and returns the index by which the
	// owner will know it (see [Values.SetExtern]). It is called once for each
	// distinct text. A *[Problem], alone or joined, keeps its path below the key.
	Compile func(json.RawMessage) (index int, err error)
}

// Limits bound one condition; zero is no limit. Nodes are leaves, externs, and
// the all, any and not above them; a leaf alone has depth 1; Values are those of
// all leaves together. Depth is at most 512 in any case.
type Limits struct{ Nodes, Leaves, Depth, Values int }

// A Symbol stands for a text of one field: 1 for the first that a condition
// named, and so on without gaps. 0 is every text that no condition names: it is
// known, and equal to nothing.
type Symbol uint32

// A Schema says what conditions may ask, and holds the symbols that the programs
// compiled by it share. It grows while it compiles: not safe for concurrent use
// until [Schema.Seal], and read-only, so safe, from then on.
type Schema struct {
	fields   []field
	byName   map[string]int // families are not in it
	families []int
	externs  []extern
	limits   Limits
	blank    []slot // what Values start from; set by Seal
	sealed   bool
}

type field struct {
	Field
	symbols map[string]Symbol // texts and sets
	texts   []string          // by symbol - 1
	members map[string]int    // families: number by name without the prefix
}

type extern struct {
	Extern
	known map[string]int // index by compacted JSON
}

// NewSchema checks the fields and keys and returns a schema without symbols. It
// is an error, all joined, when a name is empty or repeated, begins with the
// name of a family, or has no kind; when an extern has no function; and when its
// key is empty, repeated or one of the language's own.
func NewSchema(fields []Field, externs []Extern, limits Limits) (*Schema, error) {
	s := &Schema{byName: make(map[string]int, len(fields)), limits: limits}
	var errs []error
	for i, f := range fields {
		errs = append(errs, checkField(fields, i))
		s.fields = append(s.fields, field{Field: f})
		if f.Prefix {
			s.families = append(s.families, i)
			s.fields[i].members = make(map[string]int)
		} else {
			s.byName[f.Name] = i
		}
	}
	for i, e := range externs {
		errs = append(errs, checkExtern(externs, i))
		s.externs = append(s.externs, extern{Extern: e, known: make(map[string]int)})
	}
	if min(limits.Nodes, limits.Leaves, limits.Depth, limits.Values) < 0 {
		errs = append(errs, errors.New("predicate: schema: negative limit"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func checkField(fields []Field, i int) error {
	f := fields[i]
	if f.Name == "" {
		return fmt.Errorf("predicate: schema: field %d has no name", i)
	}
	if !f.Kind.valid() {
		return fmt.Errorf("predicate: schema: field %q has no kind", f.Name)
	}
	for j, other := range fields {
		if i != j && (f.Name == other.Name && i > j || f.Name != other.Name && other.Prefix && strings.HasPrefix(f.Name, other.Name)) {
			return fmt.Errorf("predicate: schema: field %q collides with %q", f.Name, other.Name)
		}
	}
	return nil
}

func checkExtern(externs []Extern, i int) error {
	e := externs[i]
	switch e.Key {
	case "", keyAll, keyAny, keyNot, keyField, keyOp, keyValue:
		return fmt.Errorf("predicate: schema: %q cannot be the key of an extern", e.Key)
	}
	if e.Compile == nil {
		return fmt.Errorf("predicate: schema: extern %q has no function", e.Key)
	}
	for _, other := range externs[:i] {
		if e.Key == other.Key {
			return fmt.Errorf("predicate: schema: two externs have the key %q", e.Key)
		}
	}
	return nil
}

// Seal ends the growing: from now on Compile is [ErrSealed], and the schema and
// its programs may be used by any number of goroutines. Sealing twice is
// harmless.
func (s *Schema) Seal() {
	if s.sealed {
		return
	}
	s.sealed = true
	s.blank = make([]slot, max(1, len(s.fields))) // an extern's instruction looks at slot 0, whatever there is
	for i := range s.fields {
		s.blank[i].known = s.fields[i].Kind == Set // an absent set is empty, which is known
	}
}

// Len is the number of fields, members of families included.
func (s *Schema) Len() int { return len(s.fields) }

// Field returns a field by number.
func (s *Schema) Field(number int) Field { return s.fields[number].Field }

// Lookup returns the number of a field or of a member that a condition named, by
// its full name.
func (s *Schema) Lookup(name string) (number int, ok bool) {
	number, ok = s.byName[name]
	return number, ok
}

// Member returns the number of a family's member by its name without the
// family's, and false when no condition names it: then nothing depends on it.
// It does not allocate.
func (s *Schema) Member(family int, name string) (number int, ok bool) {
	number, ok = s.fields[family].members[name]
	return number, ok
}

// Symbol returns what stands for a text in a text or set field; 0 when no
// condition names it.
func (s *Schema) Symbol(number int, text string) Symbol { return s.fields[number].symbols[text] }

// kindOf finds what a name means without making a field of it. The number is
// the family's where the member is new.
func (s *Schema) kindOf(name string) (number int, kind Kind, ok bool) {
	if number, ok = s.byName[name]; ok {
		return number, s.fields[number].Kind, true
	}
	for _, number := range s.families {
		if prefix := s.fields[number].Name; len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			return number, s.fields[number].Kind, true
		}
	}
	return 0, 0, false
}

// names lists the fields as NewSchema got them, for messages.
func (s *Schema) names() string {
	var names []string
	for i := range s.fields {
		switch f := &s.fields[i]; {
		case f.Prefix:
			names = append(names, f.Name+"*")
		case !slices.ContainsFunc(s.families, func(of int) bool { return strings.HasPrefix(f.Name, s.fields[of].Name) }):
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// intern returns the number of a field that kindOf knows, and makes a member
// when it is new.
func (s *Schema) intern(name string) int {
	number, kind, _ := s.kindOf(name)
	if f := &s.fields[number]; f.Prefix {
		number = len(s.fields)
		f.members[name[len(f.Name):]] = number
		s.byName[name] = number
		s.fields = append(s.fields, field{Field: Field{Name: name, Kind: kind}})
	}
	return number
}

// symbol returns the symbol of a text of a field, and makes it when it is new.
func (s *Schema) symbol(number int, text string) Symbol {
	f := &s.fields[number]
	if sym, ok := f.symbols[text]; ok {
		return sym
	}
	if f.symbols == nil {
		f.symbols = make(map[string]Symbol)
	}
	f.texts = append(f.texts, text)
	sym := Symbol(len(f.texts)) //nolint:gosec // four billion texts do not fit in memory
	f.symbols[text] = sym
	return sym
}
