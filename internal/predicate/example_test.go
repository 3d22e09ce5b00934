package predicate_test

import (
	"encoding/json"
	"fmt"

	"github.com/tenon-go/tenon/internal/predicate"
)

func Example() {
	const (
		region = iota
		qty
		segments
		attributes
	)
	schema, err := predicate.NewSchema([]predicate.Field{
		region:     {Name: "region", Kind: predicate.Text},
		qty:        {Name: "qty", Kind: predicate.Number},
		segments:   {Name: "segments", Kind: predicate.Set},
		attributes: {Name: "attributes.", Kind: predicate.Text, Prefix: true},
	}, nil, predicate.Limits{Nodes: 256, Depth: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := predicate.Parse(json.RawMessage(`{"all": [
		{"field": "segments", "op": "any", "value": ["gold", "vip"]},
		{"field": "qty", "op": ">=", "value": "10"},
		{"field": "attributes.colour", "op": "=", "value": "red"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := schema.Compile(node)
	if err != nil {
		fmt.Println(err)
		return
	}
	schema.Seal()

	values := schema.NewValues()
	values.SetNumber(qty, predicate.NumFromInt(12, 0))
	values.SetMembers(segments, []string{"gold"})
	fmt.Println(program.Eval(values), program.Why(values).Leaf)
	if colour, ok := schema.Member(attributes, "colour"); ok {
		values.SetText(colour, "red")
	}
	fmt.Println(program.Eval(values))
	// Output:
	// unknown attributes.colour = "red"
	// true
}

func ExampleSchema_Compile_problems() {
	schema, err := predicate.NewSchema([]predicate.Field{{Name: "qty", Kind: predicate.Number}}, nil, predicate.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := predicate.Parse(json.RawMessage(`{"any": [
		{"field": "qty", "op": "between", "value": ["10", "1"]},
		{"not": {"field": "colour", "op": "=", "value": "red"}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = schema.Compile(node)
	for _, p := range predicate.Problems(err) {
		fmt.Println(p.Under("rules[0].when"))
	}
	// Output:
	// rules[0].when.any[0].value: low 10 is above high 1
	// rules[0].when.any[1].not.field: unknown field "colour", want one of qty
}

// An owner's form, here the number of days since a signup, is decoded by its
// owner and evaluated by a function of the query.
func ExampleExtern() {
	var limits []int
	days := predicate.Extern{Key: "days", Compile: func(raw json.RawMessage) (int, error) {
		var limit int
		if err := json.Unmarshal(raw, &limit); err != nil {
			return 0, err
		}
		limits = append(limits, limit)
		return len(limits) - 1, nil
	}}
	schema, err := predicate.NewSchema(nil, []predicate.Extern{days}, predicate.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := predicate.Parse(json.RawMessage(`{"not": {"days": 30}}`), "days")
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := schema.Compile(node)
	if err != nil {
		fmt.Println(err)
		return
	}
	schema.Seal()
	values := schema.NewValues()
	values.SetExtern(0, func(index int) predicate.Verdict {
		if since := 42; since <= limits[index] {
			return predicate.True
		}
		return predicate.False
	})
	fmt.Println(program.Eval(values))
	// Output: true
}

func ExampleProgram_Required() {
	schema, err := predicate.NewSchema([]predicate.Field{
		{Name: "product", Kind: predicate.Text},
		{Name: "segments", Kind: predicate.Set},
	}, nil, predicate.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := predicate.Parse(json.RawMessage(`{"all": [
		{"field": "segments", "op": "all", "value": ["gold", "new"]},
		{"field": "product", "op": "in", "value": ["hat"]}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := schema.Compile(node)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range program.Required() {
		fmt.Println(key.Field, key.Value)
	}
	// Output:
	// product hat
	// segments gold
	// segments new
}
