package check

import (
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// effectKey is equal for effects that do the same. Trailing zeros do not count:
// 10 and 10.0 percent off are one effect.
func effectKey(e *eval.Effect) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", e.Op, e.Number)
	if f := e.Formula; f != nil {
		fmt.Fprintf(&b, " formula %d %d %v %s %s %s %v %s %v %s", f.Base, f.Rule, f.HasPercent, f.Percent, f.Round,
			f.Surcharge, f.HasMin, f.MinMargin, f.HasMax, f.MaxMargin)
	}
	if c := e.Charge; c != nil {
		fmt.Fprintf(&b, " charge %d %d %d %s", c.Mode, c.Size, c.Free, c.Unit)
		for _, s := range c.Steps {
			fmt.Fprintf(&b, " %d:%s+%s", s.UpTo, s.Unit, s.Flat)
		}
	}
	if g := e.Grid; g != nil {
		fmt.Fprintf(&b, " grid %d %s %s", g.Mode, g.Increment, g.Offset)
	}
	return b.String()
}
