package predicate

import "slices"

// Kind is the type of a field's values.
type Kind uint8

// The kinds. The zero Kind is none of them.
const (
	Bool Kind = iota + 1
	Number
	Text
	Set
)

func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case Number:
		return "number"
	case Text:
		return "text"
	case Set:
		return "set"
	default:
		return "no kind"
	}
}

func (k Kind) valid() bool { return Bool <= k && k <= Set }

// ops are the operators of a kind.
func (k Kind) ops() []Op {
	ops := []Op{Eq, Ne, In, NotIn, AnyOf, AllOf, NoneOf, Lt, Le, Gt, Ge, Between, Exists}
	return slices.DeleteFunc(ops, func(op Op) bool { return !op.isFor(k) })
}

// Op is an operator as it is written.
type Op string

// The operators. [Exists] is for every kind and takes no value; [Between] takes
// two, low and high, both inclusive; [In], [NotIn], [AnyOf], [AllOf] and
// [NoneOf] take a list of at least one; the others take one value.
const (
	Eq      Op = "="
	Ne      Op = "!="
	In      Op = "in"
	NotIn   Op = "not_in"
	AnyOf   Op = "any"
	AllOf   Op = "all"
	NoneOf  Op = "none"
	Lt      Op = "<"
	Le      Op = "<="
	Gt      Op = ">"
	Ge      Op = ">="
	Between Op = "between"
	Exists  Op = "exists"
)

func (op Op) isFor(k Kind) bool {
	switch op {
	case Exists:
		return true
	case Eq:
		return k != Set
	case Ne:
		return k == Number || k == Text
	case In, NotIn:
		return k == Text
	case AnyOf, AllOf, NoneOf:
		return k == Set
	default:
		return k == Number
	}
}

// arity is how many values an operator takes.
type arity uint8

const (
	unknownOp arity = iota
	noValue
	oneValue
	twoValues
	listOfValues
)

func (op Op) arity() arity {
	switch op {
	case Eq, Ne, Lt, Le, Gt, Ge:
		return oneValue
	case In, NotIn, AnyOf, AllOf, NoneOf:
		return listOfValues
	case Between:
		return twoValues
	case Exists:
		return noValue
	default:
		return unknownOp
	}
}

// takes reports whether n values are as many as the arity wants.
func (a arity) takes(n int) bool {
	switch a {
	case noValue:
		return n == 0
	case oneValue:
		return n == 1
	case twoValues:
		return n == 2
	case listOfValues:
		return n > 0
	default:
		return false
	}
}

// want says what the arity asks for, for messages.
func (a arity) want() string {
	switch a {
	case noValue:
		return "takes no value"
	case oneValue:
		return "takes one value"
	case twoValues:
		return "takes a list of two values, low and high"
	default:
		return "takes a list of at least one value"
	}
}

// Verdict is one of Kleene's three truth values. Their order is the order of
// truth: a conjunction is its smallest part, a disjunction its largest.
type Verdict uint8

// The verdicts. The zero Verdict is False.
const (
	False Verdict = iota
	Unknown
	True
)

func (v Verdict) String() string {
	switch v {
	case False:
		return "false"
	case Unknown:
		return "unknown"
	default:
		return "true"
	}
}
