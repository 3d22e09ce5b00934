package pricingtest

import (
	"math/big"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/pricing"
)

// truth is Kleene's: false < unknown < true make "all" a minimum, "any" a
// maximum, and "not" the mirror image.
type truth int

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

func (n *naive) eval(c pricing.Condition) truth {
	switch c := c.(type) {
	case pricing.All:
		out := isTrue
		for _, part := range c {
			out = min(out, n.eval(part))
		}
		return out
	case pricing.Any:
		out := isFalse
		for _, part := range c {
			out = max(out, n.eval(part))
		}
		return out
	case pricing.Not:
		return isTrue - n.eval(c.Condition)
	case pricing.Leaf:
		return n.leaf(c)
	default: // nil: always
		return isTrue
	}
}

// leaves counts for the rank: the fewest that must be true in any case.
func leaves(c pricing.Condition) int {
	switch c := c.(type) {
	case pricing.All:
		sum := 0
		for _, part := range c {
			sum += leaves(part)
		}
		return sum
	case pricing.Any:
		fewest := leaves(c[0])
		for _, part := range c {
			fewest = min(fewest, leaves(part))
		}
		return fewest
	case pricing.Not, pricing.Leaf:
		return 1
	default:
		return 0
	}
}

func (n *naive) leaf(l pricing.Leaf) truth {
	switch {
	case l.Field == "customer.segments":
		return listLeaf(l, n.query.Customer.Segments)
	case l.Field == "categories":
		return listLeaf(l, n.query.Categories)
	case l.Field == "qty":
		return numberLeaf(l, n.qty)
	case strings.HasPrefix(l.Field, "numbers."):
		d, ok := n.query.Numbers[strings.TrimPrefix(l.Field, "numbers.")]
		if !ok {
			return absent(l)
		}
		return numberLeaf(l, d.Rat())
	default:
		text, ok := n.text(l.Field)
		if !ok {
			return absent(l)
		}
		return textLeaf(l, text)
	}
}

// text returns a text field, false where the query does not know it.
func (n *naive) text(field string) (string, bool) {
	q := n.query
	if name, ok := strings.CutPrefix(field, "attributes."); ok {
		text, known := q.Attributes[name]
		return text, known
	}
	var text string
	switch field {
	case "customer.id":
		text = q.Customer.ID
	case "channel":
		text = q.Channel
	case "region":
		text = q.Region
	case "product":
		text = q.Product
	case "variant":
		text = q.Variant
	case "currency":
		text = q.Currency.Code()
	}
	return text, text != ""
}

func absent(l pricing.Leaf) truth {
	if l.Op == "exists" {
		return isFalse
	}
	return isUnknown
}

func known(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func textLeaf(l pricing.Leaf, text string) truth {
	switch l.Op {
	case "=", "in":
		return known(slices.Contains(l.Values, text))
	case "!=", "not_in":
		return known(!slices.Contains(l.Values, text))
	default: // exists
		return isTrue
	}
}

func listLeaf(l pricing.Leaf, list []string) truth {
	isIn := func(v string) bool { return slices.Contains(list, v) }
	isOut := func(v string) bool { return !slices.Contains(list, v) }
	switch l.Op {
	case "any":
		return known(slices.ContainsFunc(l.Values, isIn))
	case "all":
		return known(!slices.ContainsFunc(l.Values, isOut))
	case "none":
		return known(!slices.ContainsFunc(l.Values, isIn))
	default: // exists
		return known(len(list) > 0)
	}
}

func numberLeaf(l pricing.Leaf, number *big.Rat) truth {
	compare := func(i int) int {
		limit, _ := new(big.Rat).SetString(l.Values[i]) // Compile has checked it
		return number.Cmp(limit)
	}
	switch l.Op {
	case "=":
		return known(compare(0) == 0)
	case "!=":
		return known(compare(0) != 0)
	case "<":
		return known(compare(0) < 0)
	case "<=":
		return known(compare(0) <= 0)
	case ">":
		return known(compare(0) > 0)
	case ">=":
		return known(compare(0) >= 0)
	case "between":
		return known(compare(0) >= 0 && compare(1) <= 0)
	default: // exists
		return isTrue
	}
}
