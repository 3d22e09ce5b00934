// Package predicate compiles typed conditions, trees of comparisons of named
// fields with constants, into programs that are evaluated in a few nanoseconds,
// explained, indexed and compared. It is no expression language: because a
// condition has no arithmetic, no calls and no fields of fields, everything about
// it can be decided when it is compiled.
//
//	{"all": [
//	  {"field": "segments", "op": "any", "value": ["gold", "vip"]},
//	  {"field": "qty", "op": ">=", "value": "10"},
//	  {"not": {"field": "region", "op": "in", "value": ["US", "CA"]}}]}
//
// The nouns, in the order in which they are met:
//
//	Schema   which fields there are, and of which kind: [NewSchema]
//	Node     a condition as it is written: [Parse], or built in Go
//	Program  a condition compiled: [Schema.Compile]
//	Values   what one query has for the fields: [Schema.NewValues]
//	Verdict  the answer: [Program.Eval]
//
// # Language
//
// A condition is {"all": [...]}, {"any": [...]}, {"not": ...} or a leaf {"field",
// "op", "value"}; an owner may add forms of its own ([Extern]).
//
//	kind    operators                      value
//	text    = !=  in not_in                a string; a list of strings
//	set     any all none                   a list of strings
//	number  = != < <= > >=  between        a decimal string or an integer; low and high
//	bool    =                              true or false
//	every   exists                         none
//
// Texts compare byte by byte, numbers by their exact value. Lists have at least
// one value; so have all and any, because an empty one is a slip that would be
// always or never true.
//
// # Three values
//
// An absent text, number or bool is Unknown to every operator but exists; an
// absent set is an empty one, which is known and does not exist. Not Unknown is
// Unknown, all is its smallest part and any its largest, in the order False,
// Unknown, True (Kleene's strong logic; S. C. Kleene, Introduction to
// Metamathematics, 1952, §64). So neither region = "US" nor its negation holds
// for a query without a region.
//
// # Life of a schema
//
// A schema grows while conditions are compiled: it numbers the members of field
// families that they name, and the texts that they compare with. Then
// [Schema.Seal] ends that. Before it, a schema is for one goroutine; after it,
// the schema and its programs are read-only and for any number, each with its own
// Values.
//
// One schema serves a whole set of conditions: a query's text is looked up once,
// whatever the number of programs, and each leaf then compares small integers.
// The first 64 texts that conditions name of a set field are bits of one word;
// those beyond are sorted numbers. Numbers are compared as one int64 at six
// decimals, and exactly where that does not decide ([Num]).
//
// # Why Values is a struct
//
// With an interface of one getter per kind, the three-leaf condition of
// BenchmarkEval took 11.7 ns, with the struct 8.1 ns in the same run (minimum of
// 15 runs, Intel Xeon, go1.26): an indirect call per leaf costs as much as the
// leaf. The struct also is what makes it natural to look a text up once per query
// and not once per leaf.
//
// # Cost
//
// Compile is linear in the condition, but for sorting. Eval is linear in its
// leaves, cheap and selective ones first, and stops where the rest cannot matter.
// Parse and Compile bound their work and their recursion on hostile input.
//
// # Guarantees
//
//   - Eval is the three-valued reading of the tree, in whatever order it asks.
//   - [Program.Why] names a leaf that made the condition what it is.
//   - No condition is true without all of its [Program.Required] keys.
//   - [Disjoint], [Implies] and [Unsatisfiable] say yes only to what is proven.
//   - Eval does not allocate, with the exception named there.
package predicate
