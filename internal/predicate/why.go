package predicate

import (
	"strconv"
)

// A Reason is the first leaf, in written order, that made a condition what it
// is. The zero Reason is that of a condition that is true.
type Reason struct {
	Verdict Verdict // of the condition: False or Unknown
	Path    string  // of the leaf, from the condition
	Leaf    Leaf    // as written; zero for an extern
	// Extern is the key of the extern that decided, and Index what its Compile
	// returned; empty for a leaf.
	Extern string
	Index  int
	// Not says that the leaf stands under an odd number of nots: a leaf that is
	// true made the condition false.
	Not bool
	// Got is what the values had for the field: the text, the number in decimal,
	// true or false, a set as a JSON list; "unknown", with Known false, where it
	// is absent. For an extern it is the verdict.
	Got   string
	Known bool
}

// Why explains why the condition is not true: in an all that is false, its first
// false part; in one that is unknown, its first unknown part; in an any that is
// false, its first part; in one that is unknown, its first unknown part. It asks
// externs again, allocates, and panics as Eval does.
func (p *Program) Why(v *Values) Reason {
	verdict := p.Eval(v)
	if verdict == True {
		return Reason{}
	}
	leaf := p.blame(0, verdict, v)
	in := &p.code[leaf]
	r := Reason{Verdict: verdict}
	finder := finder{left: int(leaf)}
	finder.find(p.root, nil, &r)
	if in.op == opExtern {
		r.Index = int(in.a) //nolint:gosec // an int before
		got := p.leafVerdict(in, v)
		if in.neg {
			got = True - got
		}
		r.Got, r.Known = got.String(), got != Unknown
		return r
	}
	r.Got, r.Known = v.got(int(in.field))
	return r
}

// blame returns the instruction that made term i what it is.
func (p *Program) blame(i int32, verdict Verdict, v *Values) int32 {
	t := p.terms[i]
	if t.kind == termLeaf {
		return t.leaf
	}
	for part := range p.parts(i) {
		if p.verdict(part, v) == verdict {
			return p.blame(part, verdict, v)
		}
	}
	panic("predicate: no part of a term has its verdict") // all is its smallest part, any its largest
}

// verdict evaluates one term the long way.
func (p *Program) verdict(i int32, v *Values) Verdict {
	t := p.terms[i]
	if t.kind == termLeaf {
		return p.leafVerdict(&p.code[t.leaf], v)
	}
	result := False
	if t.kind == termAll {
		result = True
	}
	for part := range p.parts(i) {
		if t.kind == termAll {
			result = min(result, p.verdict(part, v))
		} else {
			result = max(result, p.verdict(part, v))
		}
	}
	return result
}

// A finder looks for a leaf by its number in written order.
type finder struct{ left int }

// find fills in what is written of the leaf, and reports whether it is below n.
func (f *finder) find(n Node, at *place, r *Reason) bool {
	switch {
	case n.Not != nil:
		r.Not = !r.Not
		found := f.find(*n.Not, at.child(keyNot), r)
		if !found {
			r.Not = !r.Not
		}
		return found
	case n.Leaf == nil && n.Extern == nil:
		return f.findIn(n.All, at.child(keyAll), r) || f.findIn(n.Any, at.child(keyAny), r)
	case f.left > 0:
		f.left--
		return false
	case n.Leaf != nil:
		r.Leaf = *n.Leaf
	default:
		r.Extern = n.Extern.Key
	}
	r.Path = at.String()
	return true
}

func (f *finder) findIn(nodes []Node, at *place, r *Reason) bool {
	for i := range nodes {
		if f.find(nodes[i], at.element(i), r) {
			return true
		}
	}
	return false
}

// got is a field's value as a text, and whether it is known.
func (v *Values) got(number int) (text string, known bool) {
	s := &v.slots[number]
	if !s.known {
		return Unknown.String(), false
	}
	switch v.schema.fields[number].Kind {
	case Bool:
		return strconv.FormatBool(s.bits == 1), true
	case Number:
		return v.num(s).String(), true
	case Text:
		return v.written[number].text, true
	default:
		list := []byte{'['}
		for i, member := range v.written[number].set {
			if i > 0 {
				list = append(list, ',')
			}
			list = appendText(list, member)
		}
		return string(append(list, ']')), true
	}
}
