// Package propagationtest checks a propagator against W3C Trace Context.
//
// The 41 cases of [W3C] are those of the test suite beside the specification, level 2: each sends requests to an http.Server that extracts,
// starts a span and injects into its own outgoing calls, and looks at what those carry.
//
//	for _, c := range propagationtest.W3C() {
//		t.Run(c.Name, func(t *testing.T) {
//			if err := c.Run(t.Context(), propagator); err != nil {
//				t.Error(err)
//			}
//		})
//	}
//
// Source: w3c/trace-context, test/test.py; facts re-typed.
package propagationtest
