package filter_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/tenon-go/tenon/tracing/filter"
	"go.opentelemetry.io/otel/attribute"
)

// exact returns a number without loss.
func exact(v attribute.Value) (*big.Rat, bool) {
	switch v.Type() {
	case attribute.INT64:
		return new(big.Rat).SetInt64(v.AsInt64()), true
	case attribute.FLOAT64:
		return new(big.Rat).SetFloat64(v.AsFloat64()), true
	default:
		return nil, false
	}
}

// FuzzFilter proves that any text is a filter that can be asked, or an error with a column in it.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`{ status = error && duration > 1s && resource.service.name = "cart" } && { name =~ "SELECT.*" } && trace.spans > 9`,
		`{} || !{ any."a b" >= -1.5e-3 } && (root.name !~ "\\Qa" || trace.duration<1h2m)`, "{ name =~ `(?i:a|b{2,5})` }", `{ span.x = true`, `!`,
	} {
		f.Add(text)
	}
	spans, summary := checkout()
	f.Fuzz(func(t *testing.T, text string) {
		got, err := filter.Parse(text)
		if err == nil {
			all := views(spans)
			want := got.Match(summary, slices.Values(all))
			slices.Reverse(all)
			if got.Match(summary, slices.Values(all)) != want {
				t.Error("depends on the order of spans")
			}
			if again, err := filter.Parse("!(" + text + ")"); err == nil && again.Match(summary, slices.Values(all)) == want {
				t.Error("a filter and its negation agree")
			}
			return
		}
		broken, ok := errors.AsType[*filter.SyntaxError](err)
		if !ok || broken.Column < 1 || broken.Column > utf8.RuneCountInString(text)+1 {
			t.Errorf("%v", err)
		}
	})
}
